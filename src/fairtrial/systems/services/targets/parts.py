"""What several targets check before anything starts: an extra is installed, an address is one, it answers."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from urllib.parse import urlsplit

from fairtrial.errors import MissingPart, ServiceFailed, UserError


def need(module: str, *, extra: str, whom: str) -> None:
    """Check that a library can be imported. Raises MissingPart with the command that brings it."""
    if find_spec(module) is None:
        raise MissingPart(f"{whom} needs {module}", hint=f"pip install 'fairtrial[{extra}]'")


def place(url: str, *, schemes: tuple[str, ...], port: int) -> tuple[str, str, int]:
    """Split an address into scheme, host and port (`port` where it names none).

    Raises UserError for what is no address with one of these schemes; it never repeats the address, which may hold a
    password.
    """
    wanted = f"{schemes[0]}://HOST:{port}"
    try:
        parts = urlsplit(url)
        found = parts.port
    except ValueError:  # its text may repeat a part of the address
        raise UserError("the address is malformed: its host or port is none", hint=f"write {wanted}") from None
    if parts.scheme not in schemes or not parts.hostname:
        lacks = (
            "no host" if parts.scheme in schemes else f"no {' or '.join(f'{name}://' for name in schemes)} before it"
        )
        raise UserError(f"the address is malformed: it has {lacks}", hint=f"write {wanted}")
    return parts.scheme, parts.hostname, port if found is None else found


def site(url: str, *, schemes: tuple[str, ...], port: int) -> str:
    """Return scheme, host and port of an address in one, without path, user and password. Raises UserError."""
    scheme, host, number = place(url, schemes=schemes, port=port)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{number}"


def reach(host: str, port: int, *, what: str, timeout_s: float = 5.0) -> None:
    """Check that something listens there. Raises ServiceFailed."""
    try:
        socket.create_connection((host, port), timeout=timeout_s).close()
    except OSError as problem:
        raise ServiceFailed(f"{what} at {host}:{port} does not answer: {reason(problem)}", hint="start it") from None


def reason(problem: BaseException) -> str:
    """Say in a few words why a connection failed."""
    if isinstance(problem, TimeoutError) and not str(problem):
        return "no answer in time"
    if isinstance(problem, ConnectionRefusedError):
        return "Connection refused"
    text = getattr(problem, "strerror", None) or str(problem)
    return str(text).strip() or type(problem).__name__


def address(url: str, *, schemes: tuple[str, ...], port: int) -> str:
    """Return an address that `place` can read, for validators of parameters. Raises ValueError."""
    try:
        place(url, schemes=schemes, port=port)
    except UserError as problem:
        raise ValueError(str(problem)) from None
    return url
