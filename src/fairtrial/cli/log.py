"""`log` and `note`: what was done and why, and what people think of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fairtrial.cli.console import envelope, say, when
from fairtrial.cli.declare import AsJson
from fairtrial.cli.run import Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairtrial.model.programme import Entry

Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]


def log(
    run_number: Annotated[int | None, typer.Option("--run", help="Only entries about this run.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Print so many.")] = 30,
    markdown: Markdown = False,
    as_json: AsJson = False,
) -> None:
    """List what was done, newest last, and what the programme plans; --markdown prints the whole log as a document."""
    from fairtrial.flow import log as view

    if markdown:
        sys.stdout.write(view.markdown(view.log(None, run=run_number)))
        return
    entries, total = view.entries(None, run=run_number, limit=limit, told=as_json)
    if as_json:
        envelope("log", entries, truncated=len(entries) < total)
        return
    _print(entries)
    if len(entries) < total:
        say(f"… the newest {len(entries)} of {total} entries; --limit N prints more")


def _print(entries: Sequence[Entry]) -> None:
    from fairtrial.cli import tables

    made = tables.table("entry", "when", "who", "status", "what", "result", "why", right=["entry"])
    for entry in entries:
        number = "–" if entry.number is None else str(entry.number)
        result = (entry.error if entry.status == "failed" else "") or entry.conclusion or entry.result
        made.add_row(number, when(entry.at), entry.who, entry.status, entry.title, _cut(result), _cut(entry.reason))
    tables.show(made)


SHOWN = 80


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"


def note(
    entry: Annotated[int, typer.Argument(metavar="ENTRY", help="The entry's number in the log.")],
    conclusion: Annotated[str, typer.Option("--conclusion", help="What it means; the newest counts.")] = "",
    resolution: Annotated[str, typer.Option("--resolution", help="How a failure was resolved.")] = "",
    text: Annotated[str, typer.Option("--note", help="Anything else; notes add up.")] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Add what you think to an entry of the log; nothing is overwritten."""
    from fairtrial.flow.log import note as append

    said = {"conclusion": conclusion, "resolution": resolution, "note": text}
    made = append(None, entry, said, why=why, command=sys.argv)
    if as_json:
        envelope("note", made)
        return
    say(f"entry {made.number}: {made.title}")
    for name, words in (("conclusion", made.conclusion), ("resolution", made.resolution)):
        if words:
            say(f"  {name}: {words}")
    for words in made.notes:
        say(f"  note: {words}")
