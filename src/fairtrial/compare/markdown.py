"""A comparison as Markdown, for a pull request."""

from __future__ import annotations

from fairtrial.compare.table import NUMBERS, TITLES, heads, rows
from fairtrial.model.comparison import Comparison
from fairtrial.model.words import percent


def markdown(found: Comparison) -> str:
    """Write the verdict, the table, what to keep in mind, and how to make it again."""
    baseline, current = found.baseline, found.current
    level = percent(1 - 2 * found.alpha)
    sides = [f"run {side.run} (`{side.study}`{_commit(side.commit)})" for side in (baseline, current)]
    lines = [
        f"## {TITLES[found.verdict]}",
        "",
        _plain(found.answer),
        "",
        *_table(found),
        "",
        f"Estimates with 95 % t intervals over replicates; *worse by* is a {level} interval, + is worse.",
        f"Baseline {sides[0]}, current {sides[1]}, {found.mode}, alpha {found.alpha:.3g}.",
    ]
    for title, items in (("Differs", found.unlike), ("Caution", [item.text for item in found.cautions])):
        lines += ["", *(f"- {title}: {_plain(item)}" for item in items)] if items else []
    lines += ["", f"Again: `fairtrial gate {current.run} --against {baseline.run}`"]
    if found.next_command:
        lines.append(f"Settles it: `{found.next_command}`")
    return "\n".join(lines) + "\n"


def _table(found: Comparison) -> list[str]:
    names = heads(found.changes)
    rule = ["---:" if name in NUMBERS else "---" for name in names]
    drawn = [names, rule, *rows(found.changes)]
    return ["| " + " | ".join(map(_plain, row)) + " |" for row in drawn]


def _plain(text: str) -> str:
    """Escape what would end a cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def _commit(commit: str) -> str:
    return f", commit {commit}" if commit else ""
