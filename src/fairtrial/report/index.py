"""The index of a data set as Markdown: runs, baselines, pending work, success criteria."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fairtrial.model.programme import Baseline, Criterion, Index, IndexRow, ItemStatus
from fairtrial.report.markdown import escape

SHOWN = 6
"""Levels of a factor before they are counted."""


def configuration(document: Mapping[str, Any]) -> str:
    """Say in a line what a study varies: factors with their levels, variants, replicates."""
    parts = [f"{name}: {_levels(said)}" for name, said in (document.get("factors") or {}).items()]
    arms = document.get("variants") or {}
    if arms:
        parts.append(f"variants: {', '.join(arms)}")
    replicates = document.get("replicates", 1)
    if replicates != 1:
        parts.append(f"{replicates if isinstance(replicates, int) else _json(replicates)} replicates")
    return "; ".join(parts)


def _levels(said: Any) -> str:
    levels = said.get("levels") if isinstance(said, Mapping) else said
    if not isinstance(levels, list):
        return _json(said)
    shown = ", ".join(level if isinstance(level, str) else _json(level) for level in levels[:SHOWN])
    return shown if len(levels) <= SHOWN else f"{shown}, … ({len(levels)})"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def index_markdown(index: Index) -> str:
    """Write the index; tables without rows are left out, the first excepted."""
    parts = ["# Dataset index", *_table(RUNS, map(_run, index.rows))]
    if index.baselines:
        parts += ["## Baselines", *_table(BASELINES, map(_baseline, index.baselines))]
    if index.pending:
        parts += ["## Pending", *_table(PENDING, map(_pending, index.pending))]
    if index.criteria:
        parts += ["## Success criteria", "\n".join(map(_criterion, index.criteria))]
    return "\n\n".join(parts) + "\n"


RUNS = ("ID", "Study", "System", "Configuration", "Purpose", "Status", "Date", "Notes")
BASELINES = ("Category", "Baseline", "Run", "System", "Study", "Notes")
PENDING = ("Phase", "Item", "Studies", "Priority", "Status")


def _run(row: IndexRow) -> Sequence[str]:
    day = datetime.fromtimestamp(row.created, UTC).strftime("%Y-%m-%d")
    return (str(row.run), row.study, row.system, row.configuration, row.purpose, row.status, day, row.note)


def _baseline(item: Baseline) -> Sequence[str]:
    return (item.category, item.name, item.place, item.system, item.study, item.note)


def _pending(status: ItemStatus) -> Sequence[str]:
    item = status.item
    return (status.phase, f"{item.number}: {item.text}", ", ".join(status.left), item.priority, status.status)


def _criterion(item: Criterion) -> str:
    counted = "" if item.value is None else f" (now {item.value:g})"
    said = f"{escape(item.label)}: `{item.text}`" if item.label else f"`{item.text}`"
    return f"- [{'x' if item.met else ' '}] {said}{counted}"


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    head, *lines = ["| " + " | ".join(map(escape, line)) + " |" for line in (heads, *rows)]
    return ["\n".join([head, "|" + " --- |" * len(heads), *lines])]
