"""The experiment log as Markdown: rules, plan tracking map, recorded actions by phase and item."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from fairtrial.model.programme import Entry, ItemStatus, Log, Phase
from fairtrial.report.markdown import escape

TITLE = "Experiments Log"
PROGRAMS = ("fairtrial", "fairtrial/__main__.py")
"""Ends of the path of the program, which differs from machine to machine."""
ELSEWHERE = "Outside of the plan"
RULES = (
    "One entry per action that was intentionally run: computed from the book, never typed.",
    "Status is planned, running, completed or failed; a failed one says its error line.",
)


def log_markdown(log: Log) -> str:
    """Write the log; a field without content is left out."""
    programme = log.programme
    parts = [f"# {escape(programme.title or TITLE)}", _list("## Logging Rules", programme.rules or RULES)]
    if programme.phases:
        lines = [line for phase in programme.phases for line in _phase(phase, log.items)]
        parts += ["## Plan Tracking Map", "\n".join(lines), "---"]
    parts.append("## Recorded Actions")
    names = [phase.name for phase in programme.phases]
    for name, entries in _by_phase(log.entries, names):
        parts.append(f"## {escape(name)}")
        parts += _under_items(entries, {status.item.number: status for status in log.items if status.phase == name})
    return "\n\n".join(parts) + "\n"


def _list(head: str, lines: Iterable[str]) -> str:
    return "\n".join([head, "", *(f"- {escape(line)}" for line in lines)])


def _phase(phase: Phase, items: Sequence[ItemStatus]) -> Iterator[str]:
    own = [status for status in items if status.phase == phase.name]
    yield f"- **{escape(phase.name)}**"
    if phase.goal:
        yield f"  - Goal: {escape(phase.goal)}"
    for status in own:
        yield f"  - Item {status.item.number}: {escape(status.item.text)}"
    yield f"  - Status: {phase_status(own)}."


def phase_status(items: Sequence[ItemStatus]) -> str:
    """Say how far a phase is: one word where all its items agree, else item by item."""
    if not items:
        return "no items"
    kinds = {status.status for status in items}
    if len(kinds) == 1:
        return kinds.pop()
    groups = groupby(items, key=lambda status: status.status)
    return "; ".join(_numbers([status.item.number for status in group], kind) for kind, group in groups)


def _numbers(numbers: Sequence[int], kind: str) -> str:
    if len(numbers) == 1:
        return f"item {numbers[0]} {kind}"
    return f"items {', '.join(map(str, numbers))} {kind}"


def _by_phase(entries: Sequence[Entry], names: Sequence[str]) -> Iterator[tuple[str, list[Entry]]]:
    """Yield the entries of each phase: the programme's phases first, then others, then what has none."""
    found: dict[str, list[Entry]] = {name: [] for name in names}
    for entry in entries:
        found.setdefault(entry.place.phase, []).append(entry)
    rest = found.pop("", [])
    yield from ((name, own) for name, own in found.items() if own)
    if rest:
        yield (ELSEWHERE if names or len(found) > 1 else "Actions"), rest


def _under_items(entries: Sequence[Entry], items: dict[int, ItemStatus]) -> Iterator[str]:
    ordered = sorted(entries, key=lambda entry: (entry.place.item is not None, entry.place.item or 0))
    for number, group in groupby(ordered, key=lambda entry: entry.place.item):
        if number is not None:
            known = items.get(number)
            yield f"### Item {number}" + (f": {escape(known.item.text)}" if known else "")
        yield from map(_entry, group)


def _entry(entry: Entry) -> str:
    when = "planned" if entry.at is None else datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M")
    number = "" if entry.number is None else f" (entry {entry.number})"
    place = entry.place
    lines = [f"### [{when}] {escape(entry.title)}{number}", f"- **Status:** {entry.status}"]
    lines += _field("Plan phase", place.phase)
    lines += _field("Plan item", "" if place.item is None else str(place.item))
    lines += _field("Stage", place.stage)
    lines += _field("Source", place.source)
    lines += _command(entry.command)
    lines += _field("Config", entry.config)
    lines += _many("Inputs", entry.inputs)
    lines += _many("Outputs", entry.outputs)
    lines += _field("Reason", entry.reason)
    lines += _field("Result summary", entry.result)
    lines += _field("Conclusion", entry.conclusion)
    lines += _error(entry.error)
    lines += _field("Resolution", entry.resolution)
    lines += _many("Notes", entry.notes)
    return "\n".join(lines)


def _field(name: str, text: str) -> list[str]:
    return [f"- **{name}:** {escape(text)}"] if text else []


def _many(name: str, texts: Sequence[str]) -> list[str]:
    if len(texts) < 2:
        return _field(name, "".join(texts))
    return [f"- **{name}:**", *(f"  - {escape(text)}" for text in texts)]


def _command(words: Sequence[str]) -> list[str]:
    """Show the exact command; backquotes in it do not end its block."""
    if not words:
        return []
    program = "fairtrial" if words[0].endswith(PROGRAMS) else words[0]
    typed = shlex.join([program, *words[1:]])
    fence = "`" * max(3, 1 + max((len(run) for run in _ticks(typed)), default=0))
    return ["- **Command:**", f"  {fence}console", *(f"  {line}" for line in typed.split("\n")), f"  {fence}"]


def _error(text: str) -> list[str]:
    """Show the error line as it was printed."""
    if not text:
        return []
    fence = "`" * (1 + max((len(run) for run in _ticks(text)), default=0))
    gap = " " if "`" in text else ""
    return [f"- **Error:** {fence}{gap}{' '.join(text.split())}{gap}{fence}"]


def _ticks(text: str) -> Iterator[str]:
    return ("".join(group) for letter, group in groupby(text) if letter == "`")
