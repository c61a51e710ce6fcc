"""`doctor`: what this machine can promise, what an earlier run left behind; and weights, which it fetches."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from fairtrial.contract.registry import GROUPS, Registry
from fairtrial.contract.resource import Weights, resource
from fairtrial.errors import UserError
from fairtrial.flow.book import glancing
from fairtrial.flow.session import book_mark

PLURALS = {"strategy": "strategies"}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's: what was looked at, how it is, and what to do where it is not well."""

    name: str
    ok: bool
    said: str
    advice: str = ""


def doctor(home: Path | None, *, registry: Registry) -> list[Check]:
    """Look at Python, the isolation that this machine permits, the plug-ins, the book and orphans (which are ended)."""
    checks = [_python(), *_isolation(), *_plugins(registry)]
    with glancing(home) as book:
        if book is None:
            return [*checks, Check("book", ok=True, said="none here yet", advice="fairtrial run makes one")]
        from fairtrial.execute.machine.orphans import sweep

        ended = sweep(book_mark(book))
        wrong = book.ledger.verify()
        checks.append(Check("orphans", ok=True, said=f"{len(ended)} ended" if ended else "none"))
        checks.append(
            Check(
                "book",
                ok=not wrong,
                said="; ".join(wrong) or f"{book.folder} is whole",
                advice="fairtrial verify" if wrong else "",
            )
        )
    return checks


def fetch(name: str) -> Path:
    """Bring the weights of this name and return the file; nothing is fetched where they are there.

    Raises UnknownName, UserError for a resource that is no weights, MissingPart where it cannot be fetched.
    """
    found = resource(name)
    if not isinstance(found, Weights):
        raise UserError(
            f"resource {name!r} has nothing to fetch", hint="it is a server or a client; weights can be fetched"
        )
    return found.fetch()


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", ok=sys.version_info >= (3, 11), said=version, advice="fairtrial needs Python 3.11 or newer")


def _isolation() -> list[Check]:
    from fairtrial.execute.machine.abilities import abilities

    return [Check(item.name, ok=item.ok, said=item.said, advice=item.advice) for item in abilities()]


def _plugins(registry: Registry) -> list[Check]:
    return [
        Check(PLURALS.get(kind, f"{kind}s"), ok=True, said=", ".join(registry.names(kind)) or "none") for kind in GROUPS
    ]
