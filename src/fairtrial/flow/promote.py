"""`promote`: a run's winner into a runtime configuration, with evidence beside it and in the book."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtrial.contract.journal import Ledger
from fairtrial.contract.registry import Registry
from fairtrial.errors import GateFailed, UserError
from fairtrial.flow.book import reading, writing
from fairtrial.flow.winner import Winner, permitted, winner_of
from fairtrial.model.ranking import Readiness

if TYPE_CHECKING:
    from fairtrial.flow.evidence import Evidence
    from fairtrial.promote.edit import Change, Edited
    from fairtrial.promote.file import Original
    from fairtrial.promote.permit import Permit

EVIDENCE = ".evidence.json"
"""Follows the file's name in the name of its evidence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What `promote` is asked for beyond the run and the file."""

    mapping: Mapping[str, str] | None = None
    """Parameter -> key; None: by their names."""
    add: bool = False
    """Write keys that the file lacks."""
    force: bool = False
    dry_run: bool = False
    why: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Promotion:
    """A winner in a file, or on its way there."""

    run: int
    study: str
    variant: str
    assignment: Mapping[str, Any]
    permit: Permit
    forced: bool
    objection: str
    """Why it was refused without `--force`; '' where nothing spoke against it."""
    file: str
    changes: tuple[Change, ...]
    unmapped: tuple[str, ...]
    """Factors of the study that no key of the file takes."""
    diff: str
    before: str
    """Digest of the file, hexadecimal."""
    after: str
    evidence: str
    """The file of the evidence."""
    ready: Readiness | None = None
    """What its system says of the winner in this file; None where it knows no such files."""
    written: bool = False


def mapping(words: Sequence[str], file: Path | None) -> Mapping[str, str] | None:
    """Read what `--map` and `--map-file` say (the words above the file); None where neither is given."""
    from fairtrial.promote import mapping
    from fairtrial.promote.file import read

    if not words and file is None:
        return None
    said = {} if file is None else mapping.read_file(read(file).text, str(file))
    return said | mapping.read(words)


def promote(home: Path | None, number: int | None, to: Path, *, asked: Asked, registry: Registry) -> Promotion:
    """Write the winner of a run (the newest without a number) into a file, with evidence beside it and in the book.

    Raises GateFailed, Inconclusive or NothingMeasured without a passing verdict (unless forced), UserError where the
    file cannot take it or was changed meanwhile.
    """
    from fairtrial.promote import file

    if asked.force and not asked.why.strip():
        raise UserError("--force needs a reason", hint="--why TEXT")
    original = file.read(to)
    with reading(home) as book:
        promotion, winner, edited = _prepared(book.ledger, number, (original, str(to)), asked, registry)
        run = book.ledger.run(promotion.run)
    if asked.dry_run or not edited.changes:
        return promotion
    with writing(home) as book:
        evidence = _evidence(promotion, winner, asked, at=book.now(), document=run.document)
        detail = {
            "file": str(original.path),
            "before": promotion.before,
            "after": promotion.after,
            "changes": evidence["changes"],
            "hunks": _hunks(original.text, edited.text),
            "evidence": evidence,
            "permit": promotion.permit.verdict,
            "forced": promotion.forced,
            "answer": _sentence(promotion),
        }
        with file.exchanged(original, edited.text):
            file.put(Path(promotion.evidence), as_text(evidence))
            book.act("promote", why=asked.why, command=asked.command, run=promotion.run, detail=detail)
    return replace(promotion, written=True)


def _prepared(
    ledger: Ledger, number: int | None, target: tuple[Original, str], asked: Asked, registry: Registry
) -> tuple[Promotion, Winner, Edited]:
    """Do everything but write."""
    from fairtrial.flow.evidence import gather
    from fairtrial.promote import edit, file
    from fairtrial.promote.mapping import refuse_other_kinds, wanted

    original, shown = target
    found = gather(ledger, number)
    winner = winner_of(found, registry)
    permit = permitted(found, winner)
    tree = edit.known(original.text, shown)
    objection = permit.refusal(found.run.number) if not permit.passing else _objection(found, winner.objection)
    if objection is not None and not asked.force:
        raise objection
    ready = _ready(found, winner, tree)
    if ready is not None and ready.objection:
        raise GateFailed(f"run {found.run.number} is not promoted: {shown} {ready.objection}")
    factors = list(winner.finding.assignment)
    if ready is not None and asked.mapping is None:
        chosen = dict(ready.values)
    else:
        chosen = wanted(asked.mapping or {}, winner.parameters, factors, tree)
    refuse_other_kinds(chosen, tree, shown)
    if not chosen:
        raise UserError(f"no parameter of the winner is a key of {shown}", hint=_suggestion(factors))
    edited = edit.edit(original.text, chosen, file=shown, add=asked.add)
    taken = {parameter for parameter, _ in chosen.values()}
    promotion = Promotion(
        run=found.run.number,
        study=found.run.study,
        variant=winner.finding.variant,
        assignment=winner.finding.assignment,
        permit=permit,
        forced=objection is not None,
        objection="" if objection is None else objection.message,
        file=shown,
        changes=edited.changes,
        unmapped=tuple(path for path in factors if path not in taken),
        diff=edit.diff(original.text, edited.text, shown),
        before=original.digest,
        after=file.digest(original, edited.text),
        evidence=f"{original.path}{EVIDENCE}",
        ready=ready,
    )
    return promotion, winner, edited


def _objection(found: Evidence, said: str) -> GateFailed | None:
    """Return the error for what speaks against a winner, where something does."""
    hint = "--force --why TEXT promotes it all the same"
    return GateFailed(f"run {found.run.number} is not promoted: {said}", hint=hint) if said else None


def _ready(found: Evidence, winner: Winner, tree: Any) -> Readiness | None:
    """Ask the system whether the winner can work where it is to go; None where it does not know such a place."""
    from fairtrial.contract.system import Readies

    system = found.system
    if not isinstance(system, Readies):
        return None
    means = {name: item.mean for name, item in winner.finding.estimates.items() if item.mean is not None}
    return system.ready(system.Parameters.model_validate(winner.parameters), means, tree if tree else {})


def _suggestion(factors: Sequence[str]) -> str:
    return f"--map {factors[0] if factors else 'PARAMETER'}=KEY says where it goes"


def _hunks(before: str, after: str) -> list[list[Any]]:
    from fairtrial.promote.edit import hunks

    return [list(hunk) for hunk in hunks(before, after)]


def _evidence(
    promotion: Promotion, winner: Winner, asked: Asked, *, at: float, document: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what speaks for a promotion, as JSON."""
    from fairtrial import __version__
    from fairtrial.store.actions import user

    made = {
        "schema": "fairtrial.evidence/1",
        "run": promotion.run,
        "study": promotion.study,
        "question": document.get("question", ""),
        "condition": {"variant": promotion.variant, "assignment": dict(promotion.assignment)},
        "metrics": {name: asdict(item) for name, item in winner.finding.estimates.items()},
        "trials": winner.finding.trials,
        "failures": dict(winner.finding.failures),
        "verdict": asdict(promotion.permit),
        "forced": promotion.forced,
        "objection": promotion.objection,
        "file": {"name": Path(promotion.file).name, "before": promotion.before, "after": promotion.after},
        "changes": [asdict(change) for change in promotion.changes],
        "readiness": dict(promotion.ready.evidence) if promotion.ready else None,
        "why": asked.why,
        "who": user(),
        "when": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "fairtrial": __version__,
    }
    plain: dict[str, Any] = json.loads(json.dumps(_finite(made), default=str))
    return plain


def _finite(value: Any) -> Any:
    """Leave out what JSON cannot say: NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_text(evidence: Mapping[str, Any]) -> str:
    """Write evidence as its file holds it."""
    return json.dumps(evidence, indent=2, ensure_ascii=False) + "\n"


def _sentence(promotion: Promotion) -> str:
    keys = ", ".join(change.key for change in promotion.changes)
    by = (
        f"against {promotion.permit.verdict}"
        if promotion.forced
        else f"{promotion.permit.by} {promotion.permit.verdict}"
    )
    return f"run {promotion.run} is in {promotion.file} ({keys}), {by}"
