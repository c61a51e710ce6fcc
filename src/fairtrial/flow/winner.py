"""The winner of a run with its full parameters, and whether anything lets it be promoted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairtrial.contract.registry import Registry
from fairtrial.errors import NothingMeasured, UserError
from fairtrial.model.claim import Claim, ClaimKind
from fairtrial.model.finding import ConditionFinding
from fairtrial.model.study import Direction

if TYPE_CHECKING:
    from fairtrial.flow.evidence import Evidence
    from fairtrial.promote.permit import Permit


@dataclass(frozen=True, slots=True)
class Winner:
    """The best condition of a run, with its full parameters."""

    finding: ConditionFinding
    parameters: Mapping[str, Any]
    objection: str
    """Why its system or the study's service levels speak against it; '' where nothing does."""


def winner_of(found: Evidence, registry: Registry) -> Winner:
    """Return the condition with the best mean; where its system ranks conditions itself, the one that leads.

    Raises NothingMeasured where none has enough results, UserError for a run that was imported, or of a study without
    factors or without a direction.
    """
    from fairtrial.contract.system import Vouches
    from fairtrial.flow.declare import recall
    from fairtrial.plan.space import open_space

    number, study = found.run.number, found.study
    declared = recall(found.ledger, number, registry=registry)
    if len(study.variants) < 2 and not any(study.all_factors(variant) for variant in study.variants):
        raise UserError(f"run {number} has no winner: its study has no factors, so there is nothing to choose")
    finding = _leading(found)
    if finding is None:
        said = f"run {number} has no winner: no condition has enough results"
        raise NothingMeasured(said, hint=f"fairtrial show {number}")
    space = open_space(declared.study, declared.system, identity=declared.identity_digest)
    parameters = space.condition(finding.variant, finding.assignment).parameters
    objection = ""
    if isinstance(declared.system, Vouches):
        means = {name: item.mean for name, item in finding.estimates.items() if item.mean is not None}
        objection = declared.system.vouch(declared.system.Parameters.model_validate(parameters), means)
    return Winner(finding, parameters, objection or _broken_level(found, finding))


def _leading(found: Evidence) -> ConditionFinding | None:
    from fairtrial.analyse.conditions import conditions
    from fairtrial.analyse.winner import best
    from fairtrial.flow.ranking import ranking_of

    measured = found.ledger.measurements(found.run.number)
    ranking = ranking_of(found)
    if ranking is None:
        return best(measured, found.study.metrics, completeness=found.study.completeness)
    if ranking.leader is None:
        return None
    variant, assignment = ranking.leader
    every = conditions(measured, found.metrics)
    return next(one for one in every if (one.variant, dict(one.assignment)) == (variant, dict(assignment)))


def _broken_level(found: Evidence, finding: ConditionFinding) -> str:
    """Say which service level the winner breaks, on average."""
    for clause in found.study.slo:
        estimate = finding.estimates.get(clause.metric)
        if estimate is None or estimate.mean is None:
            return f"the winner has no {clause.metric}, of which the study asks {clause}"
        kept = estimate.mean <= clause.limit if clause.bound == "max" else estimate.mean >= clause.limit
        if not kept:
            return f"the winner breaks {clause} ({clause.metric} is {estimate.mean:.5g})"
    return ""


def permitted(found: Evidence, winner: Winner) -> Permit:
    """Return the verdict that counts for a run: of a gate, a comparison, a confirmation, or of its own findings."""
    from fairtrial.promote.permit import decide, recorded

    said = recorded(found.ledger.actions(), found.run.number, updated=found.run.updated)
    return decide(said, _computed(found, winner.finding.variant))


def _computed(found: Evidence, variant: str) -> Iterator[Permit]:
    """Judge by the run's own findings: its optimum, then the claims that the winner's arm is better than another.

    Where its system ranks its conditions, that ranking alone.

    Of several such claims all must hold; what else the study claims says nothing about which condition is the best.
    """
    from fairtrial.flow.analyse import ask
    from fairtrial.flow.ranking import ranking_of
    from fairtrial.promote.permit import Permit

    ranking = ranking_of(found)
    if ranking is not None:
        yield Permit(ranking.verdict.value, "ranking", ranking.answer)
        return
    for finding in ask(found, "optimum"):
        yield Permit(finding.verdict.value, "optimum", finding.answer)
    if any(_ahead(found, claim) == variant for claim in found.study.expect):
        judged = zip(found.study.expect, ask(found, "claims"), strict=True)
        about = [finding for claim, finding in judged if _ahead(found, claim) == variant]
        worst = min(about, key=lambda claim: ("not supported", "inconclusive", "supported").index(claim.verdict.value))
        yield Permit(worst.verdict.value, "claims", worst.answer)


def _ahead(found: Evidence, claim: Claim) -> str | None:
    """Return the arm that a claim says is the better one of two; None for a claim of another kind."""
    direction = found.direction(claim.metric)
    if claim.kind is not ClaimKind.EXCEEDS or direction is Direction.NONE:
        return None
    larger, smaller = claim.arms
    return larger if direction is Direction.MAXIMIZE else smaller
