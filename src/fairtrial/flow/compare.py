"""`compare` and `gate` of two stored runs: read, judged by one rule, and remembered in the action log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtrial.contract.journal import Book, Ledger
from fairtrial.errors import UserError
from fairtrial.flow.book import reading, writing
from fairtrial.flow.interleaved import interleavings
from fairtrial.flow.invalid import invalid_trials
from fairtrial.model.comparison import Comparison, Gate, Null, Side

if TYPE_CHECKING:
    from fairtrial.compare.sample import Sample

EXIT = {Gate.PASS: 0, Gate.FAIL: 4, Gate.INCONCLUSIVE: 5, Gate.INVALID: 6}
"""Verdict -> exit code."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a verdict, and how."""

    verb: str = "compare"
    why: str = ""
    command: tuple[str, ...] = ()


def compare(home: Path | None, baseline: int, current: int, *, asked: Asked = Asked()) -> Comparison:
    """Compare two runs of the book, and write the verdict into its action log.

    Raises UserError for runs of different things or with shared measurements, UnknownName for a run that is not there.
    """
    with reading(home) as book:
        found = judge(book.ledger, baseline, current)
    with writing(home) as book:
        remember(book, found, asked)
    return found


def judge(
    ledger: Ledger,
    baseline: int,
    current: int,
    *,
    mode: str = "",
    alpha: float | None = None,
    looks: int = 1,
    more: Sequence[Null] = (),
) -> Comparison:
    """Judge two runs. Without a mode it is `interleaved` where the book says so, else `cross-time`.

    Runs that were interleaved in several looks are judged at the share of alpha that their last look had.
    """
    from fairtrial.compare.verdict import compare as decide
    from fairtrial.flow.remedy import remedy

    before, after = sample(ledger, baseline), sample(ledger, current)
    if not mode:
        made = side_by_side(ledger, baseline, current)
        mode, looks = ("cross-time", 1) if made is None else ("interleaved", int(made.get("looks", 1)))
        alpha = after.study.alpha / looks
    found = decide(before, after, mode=mode, stored=[*stored_nulls(ledger), *more], alpha=alpha, looks=looks)
    return replace(found, next_command=remedy(ledger, found))


def sample(ledger: Ledger, number: int) -> Sample:
    """Read a run for comparing."""
    from fairtrial.compare.sample import Sample, commit_of, machine_of
    from fairtrial.flow.evidence import recorded

    run = ledger.run(number)
    provenance = (list(ledger.provenance(number)) or [{}])[-1]
    machine, commit = machine_of(provenance), commit_of(provenance)
    return Sample(
        side=Side(run=number, study=run.study, created=run.created, machine=machine, commit=commit),
        study=recorded(run),
        measured=ledger.measurements(number),
        provenance=provenance,
        system=run.system,
        identity=run.system_digest.hex(),
        invalid={row.number: row.failure.message for row in invalid_trials(ledger, number) if row.failure},
    )


def side_by_side(ledger: Ledger, one: int, other: int) -> Mapping[str, Any] | None:
    """Return what the action log says of how two runs were interleaved; None where they were not."""
    pairs = interleavings(ledger)
    return pairs.get((one, other)) or pairs.get((other, one))


def stored_nulls(ledger: Ledger) -> list[Null]:
    """List the differences of unchanged systems that `aa` kept."""
    kept = [item for action in ledger.actions() if action["verb"] == "aa" for item in action["detail"].get("nulls", ())]
    return [Null(**{**item, "differences": tuple(item["differences"])}) for item in kept]


def remember(book: Book, found: Comparison, asked: Asked, **more: Any) -> None:
    """Append a verdict to the action log."""
    detail = {
        "baseline": found.baseline.run,
        "current": found.current.run,
        "verdict": found.verdict.value,
        "answer": found.answer,
        "mode": found.mode,
        **more,
    }
    book.act(asked.verb, why=asked.why, command=asked.command, run=found.current.run, detail=detail)


def markdown(found: Comparison) -> str:
    """Write a comparison for a pull request."""
    from fairtrial.compare.markdown import markdown as write

    return write(found)


def write_junit(found: Comparison, path: Path) -> None:
    """Write a comparison as JUnit XML. Raises UserError where the file cannot be written."""
    from fairtrial.compare.junit import junit

    try:
        path.write_text(junit(found), encoding="utf-8")
    except OSError as problem:
        raise UserError(f"{path}: {problem.strerror}", hint="--junit FILE") from None


def table(found: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]], tuple[str, ...], str]:
    """Return a comparison as text: column heads, rows, which heads are numbers, and the closing line."""
    from fairtrial.compare.table import NUMBERS, TITLES, heads, rows

    return heads(found.changes), rows(found.changes), NUMBERS, TITLES[found.verdict]
