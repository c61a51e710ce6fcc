"""Which class of failure an exception of a request is."""

from __future__ import annotations

import errno
import socket

from fairtrial.systems.services.record import Outcome
from fairtrial.systems.services.target import RequestFailed

FAILURES = (RequestFailed, OSError)
"""What a call or a connect may raise; anything else is a bug of the adapter's, and ends the generator."""


def classify(problem: BaseException) -> tuple[Outcome, str]:
    """Return how a request ended, and its class: timeout, refused, reset, unresolved, os_emfile, or its own word."""
    if isinstance(problem, TimeoutError):
        return Outcome.TIMEOUT, "timeout"
    if isinstance(problem, RequestFailed):
        return Outcome.TIMEOUT if problem.kind == "timeout" else Outcome.ERROR, problem.kind
    return Outcome.ERROR, _of_system(problem)


def _of_system(problem: BaseException) -> str:
    if isinstance(problem, ConnectionRefusedError):
        return "refused"
    if isinstance(problem, ConnectionError):
        return "reset"
    if isinstance(problem, socket.gaierror):
        return "unresolved"
    number = getattr(problem, "errno", None) or 0
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return "unreachable"
    return f"os_{errno.errorcode[number].lower()}" if number in errno.errorcode else "os"


def lost(problem: BaseException) -> bool:
    """Say whether the connection is gone after this."""
    return problem.lost if isinstance(problem, RequestFailed) else True
