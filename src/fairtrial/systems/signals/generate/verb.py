"""The verb `fairtrial signals generate`: markets that are made up, as data sets of a lake."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from fairtrial.errors import MissingPart, UnknownName, UserError
from fairtrial.systems.signals.words import Grid, Name, Synthetic

NEEDS = ("numba",)
METHOD = 1
"""Of making messages: it is in the manifest, and is raised when the same seed gives others."""
DAY_NS = 86_400 * 10**9
PAIR = re.compile(r"([^=,]+)=(\[[^\]]*\]|[^,]*)(?:,|$)")
"""A setting of the grid: name=number or name=[numbers]."""


class GenerateArguments(Synthetic):
    """What `generate` takes: a data set's name, and all that a made-up market has."""

    id: Name = Field(default="synthetic", description="Id of the data set.")
    lake: Path = Field(default=Path("lake"), description="Folder that holds data sets.")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="Which market; another seed is another one.")
    days: int | None = Field(
        default=None, ge=1, le=10_000, description="So many of them, each drawn anew: ID-1, ID-2 and so on."
    )
    grid: str = Field(default="", description="Settings of the grid, such as c1=2,tau_velocity_s=1.")


class Generate:
    """Draws order flow, makes bins and the whole grid of it, and publishes them with their messages."""

    name = "generate"
    help = "Make up a market, with an edge that is known (zero included), and publish it as a data set."
    Arguments = GenerateArguments

    def run(self, arguments: GenerateArguments, ledger: Any) -> str:
        """Make what is not there yet, and say where each is.

        Raises UserError for an id that other content has, UnknownName for a setting that the grid has not, MissingPart
        without numba.
        """
        missing = [module for module in NEEDS if find_spec(module) is None]
        if missing:
            raise MissingPart(f"making up a market needs {missing[0]}", hint="pip install 'fairtrial[signals]'")
        synthetic = Synthetic.model_validate(arguments.model_dump(include=set(Synthetic.model_fields)))
        grid = settings(arguments.grid)
        days = range(1, (arguments.days or 1) + 1)
        names = [f"{arguments.id}-{day}" for day in days] if arguments.days else [arguments.id]
        wanted = {name: _manifest(synthetic, grid, arguments.seed, day) for name, day in zip(names, days, strict=True)}
        there = _there(arguments.lake, wanted)
        said = [
            f"{there[name]}: it is there already" if name in there else _publish(arguments.lake, name, wanted[name])
            for name in names
        ]
        return "\n".join(said)


def settings(text: str) -> Grid:
    """Read `name=value,…` as a grid; UnknownName for a name that it has not, UserError for a value it cannot be."""
    given: dict[str, Any] = {}
    rest = text.replace(" ", "")
    while rest:
        pair = PAIR.match(rest)
        if pair is None:
            raise UserError(f"--grid: {rest!r} is no setting", hint="such as c1=2,spectrum_windows=[5,10]")
        name, value = pair.groups()
        if name not in Grid.model_fields:
            raise UnknownName("setting of the grid", name, Grid.model_fields)
        try:
            given[name] = json.loads(value)
        except ValueError as problem:
            raise UserError(f"--grid: {name}={value}: not a number, or numbers in brackets") from problem
        rest = rest[pair.end() :]
    try:
        return Grid.model_validate(given)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise UserError(f"--grid: {'.'.join(map(str, first['loc']))}: {first['msg']}") from problem


def _manifest(synthetic: Synthetic, grid: Grid, seed: int, day: int) -> dict[str, Any]:
    """Return what makes a day what it is, as its manifest says it."""
    from fairtrial.systems.signals.generate.market import fitted

    full = fitted(synthetic, grid)
    return {
        "source": "synthetic order flow",
        "synthetic": synthetic.model_dump(mode="json"),
        "seed": seed,
        "day": day,
        "method": METHOD,
        "tick_size": synthetic.tick_size,
        "bucket_size": full.bucket_size or synthetic.tick_size,
        "grid": full.model_dump(mode="json"),
    }


def _there(folder: Path, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, Path]:
    """Return where those are that have been made. Raises UserError where one has another manifest, or was changed."""
    from fairtrial.systems.signals.lake.folder import Lake

    lake, known = Lake(folder), set(Lake(folder).ids())
    found = {name: lake.find(name) for name in wanted if name in known}
    for name, one in found.items():
        other = [key for key, value in wanted[name].items() if one.manifest.get(key) != value]
        if other:
            raise UserError(
                f"{one.path} is there already, with another {', '.join(other)}: a data set is never overwritten",
                hint="give another --id",
            )
        one.verify(*one.files)
    return {name: one.path for name, one in found.items()}


def _publish(folder: Path, name: str, manifest: Mapping[str, Any]) -> str:
    """Draw a day, write it and say so."""
    import numpy as np

    from fairtrial.systems.signals.generate.flow import START_NS, flow
    from fairtrial.systems.signals.grid.make import make
    from fairtrial.systems.signals.lake.folder import Lake
    from fairtrial.systems.signals.lake.publish import publish

    synthetic, grid = Synthetic.model_validate(manifest["synthetic"]), Grid.model_validate(manifest["grid"])
    start_ns = START_NS + (manifest["day"] - 1) * DAY_NS
    events = flow(synthetic, np.random.default_rng([manifest["seed"], manifest["day"]]), start_ns=start_ns)
    made = make(events, tick_size=synthetic.tick_size, grid=grid, start_ns=start_ns)
    root = Lake(folder).immutable
    path = publish(root, name, bins=made.bins, grid=made.columns, manifest=manifest, events=events)
    hours = synthetic.bins * synthetic.bin_s / 3600
    return f"{path}: {synthetic.bins} bins ({hours:.4g} h) of {len(events)} messages, edge {synthetic.edge:g}"
