"""What was meant to be done and ended in an error: an entry of the log too, where there is a book."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairtrial.errors import FairtrialError
from fairtrial.flow.book import glancing, writing

FAILED = "failed"
"""The verb of such an action; the one that failed is in its detail, so that no reader takes it for done."""
OUTCOMES = frozenset({3, 4, 5, 6, 7})
"""Exit codes that are an answer, and no error, once the verb has logged what it did."""


@contextmanager
def logged(
    verb: str,
    *,
    why: str = "",
    command: Sequence[str] = (),
    home: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[float]:
    """Put an error that leaves the block into the action log, about the entry that the verb made or as its own.

    Verbs log what they do themselves; this adds what kept them from it. The error goes on as it is, also where the
    book cannot be written. Gives the time of its start, unix seconds.
    """
    began = clock()
    try:
        yield began
    except FairtrialError as problem:
        failed(verb, str(problem), problem.exit_code, why=why, command=command, home=home, since=began)
        raise
    except KeyboardInterrupt:
        failed(verb, "interrupted", 130, why=why, command=command, home=home, since=began)
        raise
    except Exception as problem:
        failed(verb, f"{type(problem).__name__}: {problem}", 1, why=why, command=command, home=home, since=began)
        raise


def stopped(verb: str, exit_code: int, *, why: str, command: Sequence[str], since: float) -> None:
    """Log that a verb was interrupted, and ended cleanly."""
    failed(verb, "interrupted", exit_code, why=why, command=command, since=since)


def failed(
    verb: str,
    error: str,
    exit_code: int,
    *,
    why: str = "",
    command: Sequence[str] = (),
    home: Path | None = None,
    since: float = 0.0,
) -> None:
    """Log an error, unless there is no book, or the verb's own entry says it all."""
    try:
        with glancing(home) as found:
            actions = () if found is None else found.ledger.actions()
        own = [action for action in actions if _own(action, verb, command, since)]
        if found is None or (own and (exit_code in OUTCOMES or own[-1]["verb"] == FAILED)):
            return
        detail: dict[str, Any] = {"verb": verb, "error": " ".join(error.split()), "exit_code": exit_code}
        run = own[-1]["run"] if own else None
        if own:
            detail["of"] = own[-1]["id"]
        with writing(home) as book:
            book.act(FAILED, why=why, command=command, run=run, detail=detail)
    except (FairtrialError, OSError):
        return  # what went wrong first is what the user is told


def _own(action: Mapping[str, Any], verb: str, command: Sequence[str], since: float) -> bool:
    """Say whether this command made an entry; a detached run is the same command without a word."""
    words = [word for word in command[1:] if word != "--detach"]
    said = action["detail"].get("verb") if action["verb"] == FAILED else action["verb"]
    return action["at"] >= since and said == verb and list(action["command"][1:]) == words
