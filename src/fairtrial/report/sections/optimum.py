"""The optimum as a section: the best condition, what cannot be told from it, and what a second look says."""

from __future__ import annotations

from fairtrial.model.choice import Candidate, OptimumFinding
from fairtrial.model.figure import Cell, Figure, Grid, Section
from fairtrial.model.words import count
from fairtrial.report.sections import candidates
from fairtrial.report.words import Units, ends, quantity, settles


def optimum(found: OptimumFinding, units: Units) -> Section:
    """Say which condition is best as far as the data tell, beside the shrunken estimate of each."""
    tables = [_table(found)]
    if found.pareto:
        tables.append(_pareto(found))
    if found.again:
        tables.append(candidates.again(found.again))
    figures = (_figure(found, units),) if found.candidates else ()
    return Section(f"Optimum of {found.metric}", tuple(filter(None, _said(found, units))), tuple(tables), figures)


def _said(found: OptimumFinding, units: Units) -> list[str]:
    same = sum(each.best for each in found.candidates)
    told = f"{found.told:,} {'is' if found.told == 1 else 'are'} told from it"
    said = [found.answer, f"{count(same, 'condition')} cannot be told from the best, {told}."]
    if found.curse:
        curse = quantity(found.curse, found.metric, units)
        said.append(f"The best raw mean is expected to be too good by {curse} (the winner's curse).")
    if found.infeasible:
        said.append(f"{count(found.infeasible, 'condition')} {_break(found.infeasible)} the service levels.")
    return said + list(settles(found, found.metric, units))


def _break(conditions: int) -> str:
    return "breaks" if conditions == 1 else "break"


def _table(found: OptimumFinding) -> Grid:
    paths = candidates.factors(found.candidates)
    judged = any(each.feasible is not None for each in found.candidates)
    columns = (*paths, "n", "missing", "mean", "low", "high", "shrunken", "worse by at most", "best?")
    rows = tuple((*candidates.place(each, paths), *_numbers(each), *_kept(each, judged)) for each in found.candidates)
    title = f"Candidates by {found.metric} ({found.direction})"
    return Grid((*columns, *(("feasible",) if judged else ())), rows, title)


def _numbers(each: Candidate) -> tuple[Cell, ...]:
    said = each.estimate
    means = (said.n, said.missing, said.mean, *ends(said.interval), each.shrunken, ends(each.gap)[1])
    return (*means, "yes" if each.best else "no")


def _kept(each: Candidate, judged: bool) -> tuple[Cell, ...]:
    """Say whether a condition keeps the service levels, where there are any."""
    return ({True: "yes", False: "no", None: "not shown"}[each.feasible],) if judged else ()


def _pareto(found: OptimumFinding) -> Grid:
    chosen = [found.candidates[place] for place in found.pareto]
    paths = candidates.factors(chosen)
    others = tuple(dict.fromkeys(name for each in chosen for name in each.others))
    rows = tuple(
        (*candidates.place(each, paths), each.estimate.mean, *(each.others.get(name) for name in others))
        for each in chosen
    )
    return Grid((*paths, found.metric, *others), rows, "Pareto set: no other condition is better in every metric")


def _figure(found: OptimumFinding, units: Units) -> Figure:
    listed = [each for each in found.candidates if each.estimate.mean is not None]
    return candidates.forest(
        listed,
        found.metric,
        units,
        title=_title(found),
    )


def _title(found: OptimumFinding) -> str:
    same = sum(each.best for each in found.candidates)
    if same == 1:
        return f"One condition has the best {found.metric}"
    return f"{same} of {len(found.candidates)} conditions cannot be told from the best {found.metric}"
