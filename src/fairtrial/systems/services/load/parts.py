"""The parts of a load's records: one file a generator process, and their union."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fairtrial.systems.services.record import COLUMNS, TYPES, Records, blank

META = "meta"


def write(records: Records, path: Path) -> None:
    """Write records as one uncompressed .npz: whole or not at all. OSError (disk full) goes through."""
    part = path.with_name(f"{path.name}.part")
    meta = {"ops": records.ops, "errors": records.errors, "begin_ns": records.begin_ns, "end_ns": records.end_ns}
    columns = {name: getattr(records, name) for name in COLUMNS}
    try:
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **columns, **{META: np.array(json.dumps(meta))})
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def read(path: Path) -> Records:
    """Read what `write` wrote."""
    with np.load(path, allow_pickle=False) as file:
        meta = json.loads(str(file[META]))
        columns = {name: file[name] for name in COLUMNS}
    names = {name: tuple(meta.pop(name)) for name in ("ops", "errors")}
    return blank(len(columns["t_sched_ns"]), **columns, **names, **meta)


def merge(parts: Sequence[Records]) -> Records:
    """Return the union, ordered by client and by number within each: merging anything twice changes nothing.

    Requests are told apart by process, client and number; those that were never sent have client -1.
    """
    if not parts:
        return blank(0)
    ops, errors = _names([part.ops for part in parts]), _names([part.errors for part in parts])
    moved = [_renumbered(part, ops, errors) for part in parts]
    columns = {name: np.concatenate([part[name] for part in moved]) for name in COLUMNS if name != "gap"}
    order = np.lexsort((columns["worker"], columns["seq"], columns["client"]))
    order = order[_first_of_each(columns, order)]
    taken = {name: column[order] for name, column in columns.items()}
    gap = _gaps(np.concatenate([part["gap"] for part in moved]), columns["gaps"], order)
    begin_ns = min(part.begin_ns for part in parts)
    end_ns = max(part.end_ns for part in parts)
    return blank(len(order), **taken, gap=gap, ops=ops, errors=errors, begin_ns=begin_ns, end_ns=end_ns)


def _names(lists: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in lists for name in names))


def _renumbered(part: Records, ops: tuple[str, ...], errors: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the columns of a part, its operations and errors by their place in the common lists."""
    columns = {name: getattr(part, name) for name in COLUMNS}
    for name, own, common in (("op", part.ops, ops), ("error", part.errors, errors)):
        place = np.array([common.index(word) for word in own] + [-1]).astype(TYPES[name])  # -1 stays -1
        if own:
            columns[name] = place[columns[name]]
    return columns


def _first_of_each(columns: dict[str, np.ndarray], order: np.ndarray) -> np.ndarray:
    """Say (boolean) which of the ordered requests are not the same as the one before."""
    differs = np.ones(len(order), bool)
    keys = [columns[name][order] for name in ("worker", "client", "seq")]
    differs[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return differs


def _gaps(gap: np.ndarray, gaps: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the gaps of the requests in their new order."""
    begin = np.cumsum(gaps) - gaps
    size = gaps[order].astype(np.int64)
    offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return np.asarray(gap[np.repeat(begin[order], size) + offset])
