"""The machine as a section: who shares it, what may have disturbed it, and what must not be believed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from fairtrial.model.figure import Cell, Grid, Section
from fairtrial.model.words import count, listed, number, percent
from fairtrial.systems.services.conclude.known import Facts
from fairtrial.systems.services.conclude.ladder import Ladder
from fairtrial.systems.services.conclude.samples import Samples

STEAL = 0.01
"""Share of stolen CPU time from which a level is doubtful."""
CPUS = ("host.cgroup_cpus", "host.cpus_allowed", "host.cpus")
"""What bounds the cores that are there for us: the least of these."""
TOLD = ("host.banner", "host.cautions")
"""Facts that are sentences of their own."""
LONGEST = 90
NUMBERS = re.compile(r"[-+]?[0-9][0-9.]*")
"""What differs between sentences that say the same of several trials."""


def host(ladder: Ladder, known: Facts, found: Samples) -> Section:
    """Say on what the load ran and what of it is doubtful."""
    said = (*banner(known, found), *_steal(ladder), *_invalid(ladder), *_reasons(ladder, known))
    tables = [_doubts(ladder)]
    names = [name for name in known.names("host.") if name not in TOLD]
    facts = [(name.removeprefix("host."), _shown(known.values(name))) for name in names]
    facts = [(name, value) for name, value in facts if value not in ("", "[]")]
    if facts:
        tables.append(Grid(("fact", "value"), tuple(facts), "The host"))
    else:
        said = (*said, "Nothing is known of the host: the load ran in virtual time, or its facts were not kept.")
    return Section("Host and validity", said, tuple(tables))


def banner(known: Facts, found: Samples) -> Iterator[str]:
    """Warn where client and server ran on one machine: each takes CPU from the other."""
    cores = known.least("host.shared_cores")
    if cores is None and (known.values("host.shared_cores") or not found.has("server cpu_cores")):
        return
    shared = count(int(cores), "core") if cores else "the cores of one machine"
    yield (
        f"CLIENT AND SERVER SHARE {shared}: each takes CPU from the other, so that capacity and tail are those of both"
        " together, not of the server alone."
    )


def _steal(ladder: Ladder) -> Iterator[str]:
    worst = max((each for cell in ladder.cells() for each in ladder.at("steal_share", *cell).values), default=0.0)
    if worst > STEAL:
        yield f"The hypervisor gave up to {percent(worst)} of a window's CPU time to others: tails may be theirs."


def _invalid(ladder: Ladder) -> Iterator[str]:
    """Say of each level how many repetitions are INVALID."""
    measured = ladder.measured
    for arm, place in ladder.cells():
        rows = ladder.rows[arm, place]
        bad = [measured.number[row] for row in rows if measured.failure[row] == "invalid"]
        if bad:
            where = ", ".join(filter(None, (arm, ladder.names(place))))
            numbers = listed([f"{measured.run}.{trial}" for trial in bad])
            yield f"INVALID at {where}: {len(bad)} of {count(len(rows), 'repetition')} ({numbers}); see fairtrial why."


def _reasons(ladder: Ladder, known: Facts) -> Iterator[str]:
    """Say why trials are INVALID or doubtful, each reason once, with how many trials it holds for."""
    members = set(ladder.measured.number)
    for name, word in (("verdict.invalid", "INVALID"), ("verdict.cautions", "Caution")):
        kinds: Counter[str] = Counter()
        first: dict[str, str] = {}
        for trial, sentence in known.said(name):
            if trial in members:
                kind = NUMBERS.sub("", sentence)
                kinds[kind] += 1
                first.setdefault(kind, f"{sentence.rstrip('.')} (trial {ladder.measured.run}.{trial}")
        for kind, times in kinds.most_common():
            more = f", and {count(times - 1, 'more trial')}" if times > 1 else ""
            yield f"{word}: {first[kind]}{more})."


def _doubts(ladder: Ladder) -> Grid:
    """List what the harness saw of itself at each level: the worst repetition."""
    names = {
        "sent of due": ("achieved", min), "lateness p99 ms": ("lateness_p99_s", max),
        "generator CPU": ("generator_cpu_share", max), "loop lag p99 ms": ("loop_lag_p99_s", max),
        "steal": ("steal_share", max), "Little residual": ("little_residual", max),
        "warm-up s": ("warmup_s", max),
    }  # fmt: skip
    shown = {head: each for head, each in names.items() if ladder.has(each[0])}
    rows = []
    for arm, at in ladder.cells():
        cells: list[Cell] = []
        for head, (metric, worst) in shown.items():
            values = ladder.at(metric, arm, at).values
            cells.append(worst(values) * (1e3 if head.endswith(" ms") else 1.0) if values else None)
        rows.append((*ladder.place(arm, at), *cells))
    return Grid((*ladder.heads(), *shown), tuple(rows), "The harness at each level: the worst repetition that is done")


def _shown(values: list[Any]) -> str:
    """Write a fact: its one value, the range of its numbers, or how many values there are."""
    if not values:
        return ""
    if len(values) == 1:
        value = values[0]
        text = (
            value
            if isinstance(value, str)
            else number(value)
            if isinstance(value, float)
            else json.dumps(value, ensure_ascii=False)
        )
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    if all(isinstance(value, int | float) for value in values):
        return f"{number(float(min(values)))} to {number(float(max(values)))}"
    return f"{len(values)} different values"
