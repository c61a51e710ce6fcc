"""Where a study stands in the book: the run that it continues, what is settled in it, what other runs finished."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fairtrial.contract.journal import Ledger
from fairtrial.flow.declared import Declared
from fairtrial.flow.interleaved import interleaved


@dataclass(frozen=True, slots=True)
class Standing:
    """What the book knows of a study before a session of it."""

    run: int | None = None
    """The run that the same command continues or amends; None where a new one is opened."""
    state: str = ""
    """Of that run."""
    settled: dict[bytes, str] = field(default_factory=dict)
    """Digest -> status of its settled trials."""
    finished: set[bytes] = field(default_factory=set)
    """Trials of the book whose results may be taken over."""

    def forgive(self, digests: Iterable[bytes]) -> None:
        """Take trials for not settled, so that they run again."""
        for digest in digests:
            self.settled.pop(digest, None)


def standing(declared: Declared, ledger: Ledger | None, *, fresh: bool, together: bool = False) -> Standing:
    """Look a study up. `fresh`, and a live system once it is finished, measure everything again.

    A run that was opened so stays so: what continues it takes over nothing either. Only what runs it side by side
    with another one (`together`) continues a run that was begun so.
    """
    if ledger is None:
        return Standing()
    number = continued(declared, ledger, fresh=fresh, together=together)
    apart = declared.live or fresh or (number is not None and opened_fresh(ledger, number))
    finished = set() if apart else ledger.finished()
    if number is None:
        return Standing(finished=finished)
    return Standing(number, ledger.run(number).state, dict(ledger.settled(number)), finished)


def opened_fresh(ledger: Ledger, run: int) -> bool:
    """Say whether a run was opened to measure everything again."""
    first = next(iter(ledger.provenance(run)), {})
    return bool(first.get("fresh"))


def continued(declared: Declared, ledger: Ledger, *, fresh: bool, together: bool = False) -> int | None:
    """Return the run that the same command continues or amends; None where a new one is opened."""
    if fresh:
        return None
    runs = [run for run in ledger.runs() if run.study == declared.study.name]
    if not runs:
        return None
    newest = runs[0]
    changed = newest.system_digest not in (b"", declared.identity_digest)
    if changed or (declared.live and newest.state == "finished"):
        return None
    return newest.number if together or not interleaved(ledger, newest.number) else None
