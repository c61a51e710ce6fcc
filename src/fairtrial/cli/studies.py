"""`studies`: the presets that systems bring."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtrial.cli.console import envelope, note, say
from fairtrial.cli.declare import AsJson

if TYPE_CHECKING:
    from fairtrial.flow.presets import Preset


def studies(
    name: Annotated[str | None, typer.Argument(metavar="[SYSTEM/NAME]", help="Print this one's file.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the studies that systems bring, or print one; `fairtrial run SYSTEM/NAME` runs it."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow import presets

    if name is not None:
        file, text = presets.text(name, Registry())
        if as_json:
            envelope("study", {"name": name, "file": file, "text": text}, next_command=f"fairtrial run {name}")
        else:
            sys.stdout.write(text)
        return
    found = presets.presets(Registry())
    if as_json:
        envelope("studies", found)
        return
    for line in found.missing:
        note(line)
    _print(found.presets)


def _print(found: tuple[Preset, ...]) -> None:
    from fairtrial.cli import tables

    if not found:
        say("no system here brings studies (fairtrial init writes one to start from)")
        return
    made = tables.table("study", "question", "factors", "replicates", right=["replicates"])
    for preset in found:
        factors = "; ".join(f"{path} = {_levels(levels)}" for path, levels in preset.factors.items())
        made.add_row(preset.name, preset.question, factors, _count(preset.replicates))
    tables.show(made)
    say(f"next: fairtrial run {found[0].name}")


def _levels(levels: Any) -> str:
    """Write levels as a user would: a list without brackets, a form as JSON."""
    if isinstance(levels, list):
        return ", ".join(one if isinstance(one, str) else json.dumps(one) for one in levels)
    return json.dumps(levels)


def _count(replicates: Any) -> str:
    return f"{replicates.get('min', 3)} to {replicates.get('max')}" if isinstance(replicates, dict) else str(replicates)
