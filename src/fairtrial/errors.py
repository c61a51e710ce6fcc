"""Every exception of fairtrial as one tree; each class carries the exit code and may carry a hint.

FairtrialError                 1   a bug of ours
├── UserError                  2   the user's mistake: one line, no traceback
│   ├── SpecError                  a study that cannot be read: file, line, nearest valid name
│   ├── UnknownName                a name that nothing answers to; says what exists
│   ├── BadResult                  a result that is not what was declared (in a trial: class bad_result)
│   └── BookError                  a book of a newer version, truncated, or not a book
├── TrialsFailed               3   finished, some trials failed
├── GateFailed                 4   a check said no (a verb's failing check, `verify`, `reproduce`)
├── Inconclusive               5   a verdict that needs more replicates, or an interleaved measurement
├── NothingMeasured            6   nothing matches, or nothing was measured
│   └── Invalid                    a measurement that must not be believed (in a trial: class invalid)
├── BudgetReached              7   a declared budget ended the run; the same command continues it
├── MissingPart                8   an extra, engine, service, port or right is missing; says the command that brings it
│   ├── BookUnwritable             disk full, read-only
│   └── ServiceFailed              a service refused, died or never answered (in a trial: class infra)
├── StudyHeld                 75   another runner holds the study
└── Interrupted          130, 143   ended cleanly by SIGINT or SIGTERM

Failures of trials are data (`model.outcome.Failure`), never exceptions that reach the user.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FairtrialError(Exception):
    """The root: whatever is raised as exactly this is a bug of ours."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UserError(FairtrialError):
    """The user's mistake: printed as one line, without a traceback."""

    exit_code = 2


class SpecError(UserError):
    """A study that cannot be read: `file:line: path: what is wrong (nearest valid thing, what to do)`."""

    def __init__(
        self, message: str, *, file: str = "", line: int | None = None, path: str = "", hint: str = ""
    ) -> None:
        place = ":".join(str(part) for part in (file, line) if part not in ("", None))
        super().__init__(": ".join(part for part in (place, path, message) if part), hint=hint)
        self.file, self.line, self.path, self.bare = file, line, path, message


class UnknownName(UserError):
    """A name that nothing answers to, with the nearest one that something does."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(set(known))
        super().__init__(f"unknown {kind} {name!r}", hint=nearest(name, names))
        self.kind, self.name, self.known = kind, name, names


class BadResult(UserError):
    """What a system returned is not what it declared (inside a trial this becomes failure class bad_result)."""


class BookError(UserError):
    """The book cannot be used: written by a newer version, truncated, or not a book."""


class TrialsFailed(FairtrialError):
    """The study is finished, and some of its trials failed."""

    exit_code = 3


class GateFailed(FairtrialError):
    """A check said no."""

    exit_code = 4


class Inconclusive(FairtrialError):
    """A check could not say yes or no; the hint says what would settle it."""

    exit_code = 5


class NothingMeasured(FairtrialError):
    """Nothing matches what was asked for, or nothing was measured."""

    exit_code = 6


class Invalid(NothingMeasured):
    """A measurement that must not be believed; the message says which limit was missed, and by how much."""


class BudgetReached(FairtrialError):
    """A declared budget ended the run; the same command continues it."""

    exit_code = 7


class MissingPart(FairtrialError):
    """An extra, engine, service, port or right is missing; the hint is the command that brings it."""

    exit_code = 8


class BookUnwritable(MissingPart):
    """The book cannot be written: disk full, read-only, or without permission."""


class ServiceFailed(MissingPart):
    """A service refused, died or never answered; the message ends with what its log said."""


class StudyHeld(FairtrialError):
    """Another runner holds the study (EX_TEMPFAIL)."""

    exit_code = 75


class Interrupted(FairtrialError):
    """Ended cleanly by a signal; `signal` is its number."""

    def __init__(self, message: str, *, signal: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal


def nearest(name: str, known: Iterable[str]) -> str:
    """Say the nearest valid name, or list a few that are valid; an empty string where there is none."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"valid: {shown}"
