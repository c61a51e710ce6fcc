"""What server and client used, as a section: CPU, memory, I/O, GPU and the server's own gauges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairtrial.model.figure import Axis, Figure, Grid, Section, Series
from fairtrial.model.words import level
from fairtrial.systems.services.conclude.ladder import Ladder, drawn
from fairtrial.systems.services.conclude.latency import spread
from fairtrial.systems.services.conclude.samples import ROLES, Samples

MIB = 1 / 2**20
COLUMNS: Mapping[str, tuple[str, float]] = {
    "CPU cores": ("cpu_cores", 1.0),
    "RSS MiB": ("rss_bytes", MIB),
    "read MiB/s": ("read_bytes", MIB),
    "written MiB/s": ("write_bytes", MIB),
    "GPU": ("gpu_util", 1.0),
    "GPU memory MiB": ("gpu_bytes", MIB),
}
"""Column -> what was sampled, and the factor of its unit."""
TITLES = {"server": "Processes of the server", "client": "Processes of the client", "machine": "The whole machine"}
GAUGES = 10
"""Gauges that are listed; the table `samples` has all of them."""
PIECES = 60
"""Places of a line along time."""


def resources(ladder: Ladder, found: Samples) -> Section:
    """Show what was used at each level; say so where nothing was sampled."""
    used = {role: [each for each in _columns(role) if found.has(each[1])] for role in ROLES}
    if not any(used.values()) and not found.gauges:
        return Section("Resources", ("Nothing was sampled: neither the server's processes nor its counters.",))
    said = ["CPU and I/O: means of the window; memory: its peak. Means over repetitions."]
    if not found.has("server cpu_cores"):
        said.append("The server's processes were not sampled: it runs elsewhere, or its process ids are not known.")
    tables = [_table(ladder, found, used[role], TITLES[role]) for role in ROLES if used[role]]
    moving = [name for name in found.gauges if any(found.values[f"gauge {name}"].values())]
    if moving:
        gauges = [(name, f"gauge {name}", 1.0) for name in moving[:GAUGES]]
        tables.append(
            _table(ladder, found, gauges, "The server's gauges: means of the window, those that stayed 0 left out")
        )
    return Section("Resources", tuple(said), tuple(tables), tuple(_figures(ladder, found)))


def _columns(role: str) -> list[tuple[str, str, float]]:
    """Return column, name of the samples and factor of the unit, for all that may be sampled of a role."""
    return [(head, f"{role} {name}", scale) for head, (name, scale) in COLUMNS.items()]


def _table(ladder: Ladder, found: Samples, columns: list[tuple[str, str, float]], title: str) -> Grid:
    rows = []
    for arm, at in ladder.cells():
        means = ((found.at(name, arm, at).mean, scale) for _, name, scale in columns)
        rows.append((*ladder.place(arm, at), *(None if mean is None else mean * scale for mean, scale in means)))
    return Grid((*ladder.heads(), *(head for head, _, _ in columns)), tuple(rows), title)


def _figures(ladder: Ladder, found: Samples) -> Iterator[Figure]:
    if ladder.factor:
        yield from _along(ladder, found, "cpu_cores", "CPU cores in use", scale=1.0)
        yield from _along(ladder, found, "rss_bytes", "memory (MiB)", scale=MIB)
    yield from _time(ladder, found, "cpu_cores", "CPU cores in use", scale=1.0)
    yield from _time(ladder, found, "rss_bytes", "memory (MiB)", scale=MIB)


def _along(ladder: Ladder, found: Samples, name: str, label: str, *, scale: float) -> Iterator[Figure]:
    series: list[Series] = []
    for role in ROLES:
        for arm in ladder.arms:
            at = [(place, found.at(f"{role} {name}", arm, n)) for n, place in enumerate(ladder.places())]
            series += drawn(at, ", ".join(filter(None, (role, arm))), scale=scale)
    if series:
        title = f"{label[0].upper()}{label[1:].removesuffix(' (MiB)')} along {ladder.factor}"
        caption = "Points: means over repetitions with 95 % intervals (Student's t)."
        yield Figure(f"resources {name}", title, ladder.axis(), Axis(label, zero=True), tuple(series), caption=caption)


def _time(ladder: Ladder, found: Samples, name: str, label: str, *, scale: float) -> Iterator[Figure]:
    """Draw the server along the time of one repetition, a line a level; of the client where no server was sampled."""
    role = next((role for role in ROLES if found.has(f"{role} {name}")), None)
    if role is None or found.frame is None:
        return
    arm, shown = ladder.arms[0], set(spread(len(ladder.levels)))
    series: list[Series] = []
    for at in sorted(shown):
        series += _line(ladder, found, (arm, at), role=role, name=name, scale=scale)
    if series:
        title = f"{role.capitalize()}: {label.removesuffix(' (MiB)')} over time{f' ({arm})' if arm else ''}"
        caption = (
            f"The first repetition that is done{f', by {ladder.factor}' if ladder.factor else ''}; the window only."
        )
        x = Axis("seconds since the load began")
        yield Figure(f"time {name}", title, x, Axis(label, zero=True), tuple(series), caption=caption)


def _line(
    ladder: Ladder, found: Samples, cell: tuple[str, int], *, role: str, name: str, scale: float
) -> Iterator[Series]:
    import polars as pl

    homes = ladder.homes()
    trial = next(
        (ladder.measured.number[row] for row in ladder.rows.get(cell, ()) if ladder.measured.number[row] in homes), None
    )
    if trial is None or found.frame is None:
        return
    rows = found.frame.filter((pl.col("trial") == trial) & (pl.col("role") == role)).sort("t_s")
    rows = rows.select("t_s", value=pl.col(name).cast(pl.Float64) * scale).filter(pl.col("value").is_finite())
    rows = rows.gather_every(max(1, len(rows) // PIECES))
    if len(rows) > 1:
        label = level(ladder.levels[cell[1]]) if ladder.factor else role
        yield Series(label, tuple(rows["t_s"].to_list()), tuple(rows["value"].to_list()), kind="line")
