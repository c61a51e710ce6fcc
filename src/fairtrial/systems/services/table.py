"""Records as the raw table `requests`: times in nanoseconds since the load began, words in place of indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fairtrial.systems.services.record import COLUMNS, Outcome, Records

if TYPE_CHECKING:
    import polars

TIMES = ("t_sched_ns", "t_send_ns", "t_first_ns", "t_done_ns")
WORDS = ("op", "outcome", "error")
LISTED = ("gap", "gaps")


def frame(records: Records, *, window: tuple[int, int]) -> polars.DataFrame:
    """Return a row for each request; `phase` is warmup or steady, by the instant at which it was due.

    An event that did not happen is null, as is what a service does not say (tokens, recall). `gaps_ns` lists the time
    between chunks, where there are any.
    """
    import polars as pl

    columns: dict[str, Any] = {
        name: getattr(records, name) for name in COLUMNS if name not in (*TIMES, *WORDS, *LISTED)
    }
    columns |= {name: _since(getattr(records, name), records.begin_ns) for name in TIMES}
    columns |= {
        "op": _named(records.op, records.ops),
        "outcome": _named(records.outcome, tuple(each.name.lower() for each in Outcome)),
        "error": _named(records.error, records.errors),
    }
    inside = (records.t_sched_ns >= window[0]) & (records.t_sched_ns < window[1])
    columns["phase"] = _named(inside.astype(np.int8), ("warmup", "steady"))
    made = pl.DataFrame(columns)
    made = made.with_columns(
        *(pl.when(pl.col(name) >= 0).then(pl.col(name)) for name in (*TIMES, "tokens_in", "tokens_out")),
        pl.col("recall").fill_nan(None),
    )
    return made.with_columns(_gaps(records)) if len(records.gap) else made


def _since(times: np.ndarray, begin_ns: int) -> np.ndarray:
    return np.where(times > 0, times - begin_ns, -1)


def _named(codes: np.ndarray, names: tuple[str, ...]) -> polars.Series:
    """Put words in the place of indexes; -1 is null."""
    import polars as pl

    if not names:
        return pl.Series([None] * len(codes), dtype=pl.String)
    index = pl.Series(np.where(codes < 0, len(names), codes).astype(np.uint32))
    return pl.Series([*names, None], dtype=pl.Categorical).gather(index)


def _gaps(records: Records) -> polars.Series:
    import polars as pl

    ends = np.cumsum(records.gaps)
    starts = ends - records.gaps
    return pl.Series("gaps_ns", [records.gap[start:end] for start, end in zip(starts, ends, strict=True)])
