"""What a report says about how a run was made: facts, design, completeness, checks, limits, digests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from fairtrial.flow import invalid
from fairtrial.flow.evidence import Evidence
from fairtrial.model.figure import Grid, Section
from fairtrial.model.study import Direction, Factor
from fairtrial.model.words import condition, count, level, number, percent, tally

Driver = Mapping[str, Any]


def facts(found: Evidence, drivers: Sequence[Driver]) -> tuple[tuple[str, str], ...]:
    """Say what the run was: name and value."""
    run = found.run
    made = datetime.fromtimestamp(run.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    said = [("study", run.study), ("run", str(run.number)), ("system", run.system), ("state", run.state)]
    said += [("trials", tally(run.done, run.pruned, run.failed)), ("made", made)]
    if run.tags:
        said.append(("tags", ", ".join(run.tags)))
    if drivers and drivers[-1].get("python"):
        said += list(_made_with(drivers))
    return tuple(said)


def _made_with(drivers: Sequence[Driver]) -> Iterator[tuple[str, str]]:
    last = drivers[-1]
    machine, code = last.get("machine", {}), last.get("code", {})
    yield "machine", f"{machine.get('host', '?')}: {machine.get('cpu_model', '?')}, {machine.get('cpus', '?')} CPUs"
    hosts = {driver.get("machine", {}).get("host", "?") for driver in drivers}
    if len(hosts) > 1:
        yield "machines", ", ".join(sorted(hosts))
    if code.get("commit"):
        yield "code", code["commit"][:12] + (" with changes" if code.get("dirty") else "")
    yield "software", f"fairtrial {last.get('fairtrial', '?')}, Python {str(last['python']).partition(' ')[0]}"


def design(found: Evidence) -> Section:
    """Say what was varied, how often, in which order."""
    study = found.study
    arms = [arm for arm in study.variants if arm.name]
    factors = {factor.name: factor for arm in study.variants for factor in study.all_factors(arm)}
    rows: list[tuple[str, str]] = [("variant", ", ".join(_arm(arm) for arm in arms))] if arms else []
    rows += [(name, _levels(factor)) for name, factor in factors.items()]
    order = {"none": "as declared", "blocked": "shuffled within each replicate", "full": "shuffled over all"}
    asked = f"{study.design.kind}" + (f" of {study.design.n} conditions an arm" if study.design.n else "")
    seeds = f"seed {study.seed}, from which replicate k has the same seed in every condition"
    made = f"Design: {asked}; {_replicates(found)}; order: {order[study.order.randomise]}; {seeds}."
    said = (
        f"Imported: {_repeated(found)}; in which order and where they were made is not known."
        if found.imported
        else made,
        f"Metrics: {', '.join(_metric(found, name) for name in _names(found))}.",
    )
    tables = (Grid(("factor", "levels"), tuple(rows)),) if rows else ()
    return Section("Design", said, tables)


def _names(found: Evidence) -> list[str]:
    return [metric.name for metric in found.metrics] or sorted(found.data.metrics)


def _metric(found: Evidence, name: str) -> str:
    metric = next((metric for metric in found.metrics if metric.name == name), None)
    if metric is None:
        return name
    unit = f" in {metric.unit}" if metric.unit else ""
    return f"{name}{unit}" + ("" if metric.direction is Direction.NONE else f" ({metric.direction.value})")


def _arm(arm: Any) -> str:
    said = condition(arm.set)
    return f"{arm.name}{' (baseline)' if arm.baseline else ''}{f': {said}' if said else ''}"


def _replicates(found: Evidence) -> str:
    until = found.study.until
    if until is not None:
        width = percent(until.half_width.value) if until.half_width.relative else number(until.half_width.value)
        return f"{until.least} to {until.most} replicates, until {until.metric} is known to ± {width}"
    return f"{count(found.study.replicates, 'replicate')} a condition"


def _repeated(found: Evidence) -> str:
    """Say how many trials each condition of an imported run has."""
    counts = Counter(found.data.measured.condition).values()
    least, most = min(counts, default=0), max(counts, default=0)
    each = count(most, "trial") if least == most else f"{least} to {count(most, 'trial')}"
    return f"{each} a condition"


def _levels(factor: Factor) -> str:
    if factor.interval is not None:
        scale = " on a log scale" if factor.interval.log else ""
        return f"{level(factor.interval.low)} to {level(factor.interval.high)}{scale}"
    shown = [level(each[0] if len(each) == 1 else list(each)) for each in factor.levels or ()]
    return ", ".join(shown[:12]) + (f", … ({len(shown)} levels)" if len(shown) > 12 else "")


def completeness(found: Evidence) -> Section:
    """Say which trials have a result, and why the others have none."""
    run, measured = found.run, found.data.measured
    settled, done = len(measured), int(found.data.done.sum())
    planned = run.planned or settled
    share = done / planned if planned else 0.0
    enough = "reached" if share >= found.study.completeness else "not reached: conclusions are inconclusive"
    asked = f"the study asks for {percent(found.study.completeness)} ({enough})"
    said = [f"{done} of {planned} planned trials have a result ({percent(share)}); {asked}."]
    reasons = Counter(failure or status for status, failure in zip(measured.status, measured.failure, strict=True))
    lost = [(str(name), count) for name, count in reasons.most_common() if name != "done"]
    undefined = {
        name: int(np.isnan(values[found.data.done]).sum())
        for name in _names(found)
        if (values := found.data.metrics.get(name)) is not None and np.isnan(values[found.data.done]).any()
    }
    said += [f"{name} is undefined in {count} finished trials: missing, not zero." for name, count in undefined.items()]
    said += invalid.again(found)
    if run.reused:
        said.append(f"{run.reused} results were measured by an earlier run of the same trials.")
    return Section("Completeness", tuple(said), (Grid(("no result because", "trials"), tuple(lost)),) if lost else ())


def manipulations(found: Evidence) -> Iterator[Section]:
    """Set what was asked for beside what was realised, where the system measures that."""
    from fairtrial.analyse.data import points
    from fairtrial.flow.nulls import realised

    for path, metric in realised(found).items():
        rows = [
            (
                level(item.level),
                item.n,
                item.mean,
                *((item.interval.low, item.interval.high) if item.interval else (None, None)),
            )
            for item in points(found.data, metric, path, level=1 - found.study.alpha)
        ]
        heads = ("asked for", "n", "realised", "low", "high")
        yield Section(f"Manipulation check: {path}", (f"Realised as {metric}.",), (Grid(heads, tuple(rows)),))


def null_check(found: Evidence) -> Section:
    """Say what is known of this measurement where there is nothing to find."""
    from fairtrial.flow.nulls import floor

    said = []
    known = floor(found)
    said += [
        f"The null arm measures {name} = {number(value)}: the harness's own floor." for name, value in known.items()
    ]
    said += list(_against_itself(found))
    if not said and found.imported:
        said.append("None was made: the results were imported.")
    elif not said:
        study = found.run.study
        said.append(f"None was made: fairtrial aa, on the study {study}, measures the same thing against itself.")
    return Section("Null check", tuple(said))


def _against_itself(found: Evidence) -> Iterator[str]:
    """Say what comparisons of the same thing with itself have shown of this system."""
    for action in found.ledger.actions():
        detail = action["detail"]
        nulls = [one for one in detail.get("nulls", ()) if one["system"] == found.run.system]
        if action["verb"] == "aa" and nulls:
            where = ", ".join(sorted({one["machine"] for one in nulls}))
            still = "" if any(any(one["differences"]) for one in nulls) else " No two values differed."
            yield f"The same thing against itself, on {where}: {detail['verdict']}. {detail['answer']}{still}"


def sensitivity(found: Evidence) -> Iterator[Section]:
    """Say whether the best condition stays the best when the analysis is done differently."""
    from fairtrial.analyse.sensitivity import sensitivity as vary

    metric = next((metric for metric in found.metrics if metric.direction is not Direction.NONE), None)
    if metric is None:
        return
    varied = vary(found.data, metric, completeness=found.study.completeness)
    if not varied:
        return
    same = sum(item.same for item in varied)
    rows = tuple((item.what, "the same" if item.same else item.answer) for item in varied)
    said = f"The condition with the best mean {metric.name} stays the best in {same} of {len(varied)} other analyses."
    yield Section("Sensitivity", (said,), (Grid(("analysis", "best condition"), rows),))


def limits(found: Evidence, drivers: Sequence[Driver]) -> tuple[str, ...]:
    """Say what the run cannot show."""
    said = ["Intervals show how replicates vary; they know nothing of another machine, version or data set."]
    ordered = [path for path, column in found.data.factors.items() if column.ordered and len(column.levels) > 1]
    if ordered:
        spans = (
            f"{path} from {level(found.data.factors[path].levels[0])} to {level(found.data.factors[path].levels[-1])}"
            for path in ordered
        )
        said.append(f"Nothing is said beyond what was tested: {'; '.join(spans)}.")
    if max(Counter(found.data.measured.condition).values(), default=0) == 1:
        said.append("One replicate a condition: noise and effect cannot be told apart.")
    if found.run.live:
        said.append("The system is live: another hour may give other numbers.")
    if any(driver.get("code", {}).get("dirty") for driver in drivers):
        said.append("The code was changed since its commit; the book keeps the difference.")
    return tuple(said)


def reproduce(found: Evidence, drivers: Sequence[Driver]) -> tuple[str, ...]:
    """List the commands that make the run again, and this report."""
    number = found.run.number
    made = ["# the command that made it", _command(drivers[-1])] if drivers and drivers[-1].get("command") else []
    again = [] if found.imported else [f"fairtrial reproduce {number}"]
    return (*made, *again, f"fairtrial report {number} -o", "fairtrial verify")


def _command(driver: Driver) -> str:
    import shlex
    from pathlib import Path

    argv = list(driver["command"])
    return shlex.join([Path(argv[0]).name, *argv[1:]])


def digests(found: Evidence) -> tuple[tuple[str, str], ...]:
    """Return the digests that the run's numbers rest on: study, system, results."""
    from fairtrial.model.identity import digest, digest_bytes

    measured = found.data.measured
    names = sorted(measured.metrics)
    raw = b"".join(np.asarray(measured.metrics[name], dtype="<f8").tobytes() for name in names)
    keys = digest([measured.seed, measured.status, [str(name) for name in names], list(measured.variant)])
    return (
        ("study", digest(dict(found.run.document)).hex()),
        ("system", found.run.system_digest.hex()),
        ("results", digest_bytes(keys + raw).hex()),
    )
