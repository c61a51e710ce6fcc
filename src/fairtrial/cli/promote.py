"""`promote` and `undo`: a winner into a runtime configuration, and back out of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairtrial.cli.console import envelope, plain, say
from fairtrial.cli.declare import AsJson
from fairtrial.cli.run import Why
from fairtrial.model.words import level

if TYPE_CHECKING:
    from fairtrial.flow.promote import Promotion

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the diff; write nothing.")]


def promote(
    to: Annotated[Path, typer.Option("--to", help="The configuration: YAML, TOML or JSON.")],
    run_number: Annotated[int | None, typer.Argument(metavar="[RUN]", help="The newest run unless given.")] = None,
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="PARAMETER=KEY", help="Which key takes a parameter; by its own name unless given."
        ),
    ] = None,
    map_file: Annotated[Path | None, typer.Option("--map-file", help="A file of such pairs, parameter: key.")] = None,
    add: Annotated[bool, typer.Option("--add", help="Write keys that the file lacks.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Without a passing verdict; needs --why.")] = False,
    dry_run: DryRun = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Write a run's winner into a configuration file, with evidence; needs a passing verdict (exit 4, 5 or 6 without).

    Comments and layout stay; `undo` takes it back.
    """
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.promote import Asked, mapping
    from fairtrial.flow.promote import promote as write

    asked = Asked(
        mapping=mapping(tuple(words or ()), map_file),
        add=add,
        force=force,
        dry_run=dry_run,
        why=why,
        command=tuple(sys.argv),
    )
    made = write(None, run_number, to, asked=asked, registry=Registry())
    if as_json:
        envelope("promote", made, next_command="fairtrial undo" if made.written else None)
    else:
        _print(made, dry_run=dry_run)


def _print(made: Promotion, *, dry_run: bool) -> None:
    arm = f"{made.variant}: " if made.variant else ""
    chosen = ", ".join(f"{path} = {level(value)}" for path, value in made.assignment.items())
    say(f"winner of run {made.run} ({made.study}): {arm}{chosen}")
    by = f"{made.permit.by}: " if made.permit.by else ""
    said = f" ({made.permit.answer})" if made.permit.answer else ""
    say(f"verdict: {by}{made.permit.verdict}{said}")
    if made.forced:
        say(f"forced: {made.objection}")
    if made.ready and made.ready.answer:
        say(made.ready.answer)
    for path in made.unmapped:
        say(f"not promoted: {path} has no key in {made.file} (--map {path}=KEY)")
    if not made.changes:
        say(f"{made.file} has these values already: nothing to write")
        return
    say()
    _print_diff(made.diff)
    say()
    if dry_run:
        say(f"nothing was written; without --dry-run it goes into {made.file}")
        return
    say(f"wrote {made.file}; evidence in {made.evidence}")
    say("next: fairtrial undo takes it back")


COLOURS = {"+": "32", "-": "31", "@": "36"}
"""First letter of a line of a diff -> its colour on a terminal."""


def _print_diff(text: str) -> None:
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for line in text.splitlines():
        shade = COLOURS.get(line[:1]) if coloured else None
        say(f"\x1b[{shade}m{line}\x1b[0m" if shade else line)


def undo(
    entry: Annotated[
        int | None, typer.Argument(metavar="[ENTRY]", help="The promotion's entry in the log; the newest unless given.")
    ] = None,
    dry_run: DryRun = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Take a promotion back: the file is what it was, unless it was edited since."""
    from fairtrial.flow.undo import undo as restore

    made = restore(None, entry, why=why, command=sys.argv, dry_run=dry_run)
    if as_json:
        envelope("undo", plain(made))
        return
    _print_diff(made.diff)
    say()
    say(f"{'would take back' if dry_run else 'took back'} entry {made.entry} (run {made.run}) in {made.file}")
