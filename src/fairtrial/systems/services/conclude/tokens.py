"""What only some services have, as sections: a language model's tokens, a vector search's recall."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fairtrial.model.figure import Axis, Figure, Grid, Section, Series
from fairtrial.model.words import listed
from fairtrial.stats.quantile import least
from fairtrial.systems.services.conclude.ladder import Ladder

MS = 1e3
TIMES = ("ttft_p50_s", "ttft_p95_s", "ttft_p99_s", "tpot_p50_s", "tpot_p99_s")
GAPS = ("inter_chunk_p50_s", "inter_chunk_p99_s", "stall_max_s")
COUNTS = ("tokens_per_s", "tokens_out_mean", "tokens_in_mean", "cached_share")
TERMS = (
    "TTFT: from the due time to the first chunk that bears content.",
    "TPOT: from there to the end, a token after the first, with tokens as the server's usage counts them.",
    "Inter-chunk: the gaps between chunks, each of which may bear several tokens.",
)
CAPTION = "Points: means over repetitions with 95 % intervals (Student's t)."


def tokens(ladder: Ladder) -> Section | None:
    """Show how a model's answers arrive; None where no metric of tokens was measured."""
    known = [name for name in (*TIMES, *GAPS, *COUNTS) if ladder.has(name)]
    if not known:
        return None
    heads = [f"{name.removesuffix('_s')} ms" if _is_time(name) else name for name in known]
    rows = tuple((*ladder.place(arm, at), *_means(ladder, arm, at, known)) for arm, at in ladder.cells())
    table = Grid((*ladder.heads(), *heads), rows, "Tokens: means over repetitions")
    return Section("Tokens", (*TERMS, *_few(ladder)), (table,), tuple(_figures(ladder)))


def _few(ladder: Ladder) -> Iterator[str]:
    """Name the levels at which a repetition had too few requests for a median, and what to do."""
    wanted = least(0.5)
    due = {cell: min(ladder.at("requests", *cell).values, default=math.inf) for cell in ladder.cells()}
    few = {", ".join(filter(None, (arm, ladder.names(at)))): n for (arm, at), n in due.items() if n < wanted}
    if few:
        seen = f"a repetition had only {min(few.values()):.0f} at {listed(list(few))}"
        what = "so that its TTFT and TPOT are not told; give it a longer load.duration_s"
        yield f"A median needs {wanted} requests: {seen}, {what}."


def _is_time(name: str) -> bool:
    return name in (*TIMES, *GAPS)


def _means(ladder: Ladder, arm: str, at: int, names: Sequence[str]) -> Iterator[float | None]:
    for name in names:
        mean = ladder.at(name, arm, at).mean
        yield None if mean is None else mean * (MS if _is_time(name) else 1.0)


def _figures(ladder: Ladder) -> Iterator[Figure]:
    if not ladder.factor:
        return
    for kind, names, title in (
        ("ttft", ("ttft_p50_s", "ttft_p95_s", "ttft_p99_s"), "Time to first token"),
        ("tpot", ("tpot_p50_s", "tpot_p99_s"), "Time per output token"),
    ):
        series = _series(ladder, [name for name in names if ladder.has(name)])
        if series:
            yield _figure(ladder, kind, f"{title} along {ladder.factor}", f"{kind.upper()} (ms)", series)
    series = tuple(each for arm in ladder.arms for each in ladder.curve("tokens_per_s", arm, arm or "tokens"))
    if series:
        yield _figure(ladder, "tokens", f"Tokens along {ladder.factor}", "output tokens a second", series)


def _series(ladder: Ladder, names: Sequence[str]) -> tuple[Series, ...]:
    """Draw percentiles of one arm together, or the highest one of several arms."""
    if len(ladder.arms) == 1:
        named = [(name, ladder.arms[0], name.split("_")[1]) for name in names]
    else:
        named = [(name, arm, arm) for name in names[-1:] for arm in ladder.arms]
    return tuple(each for name, arm, label in named for each in ladder.curve(name, arm, label, scale=MS))


def recall(ladder: Ladder) -> Section | None:
    """Show the share of true neighbours that a vector search returned; None where none was measured."""
    if not ladder.has("recall_mean"):
        return None
    found = [(cell, ladder.at("recall_mean", *cell)) for cell in ladder.cells()]
    rows = tuple((*ladder.place(*cell), each.mean, each.low, each.high) for cell, each in found)
    said = ("Recall is of the very answers that were timed, against the exact neighbours.",)
    table = Grid((*ladder.heads(), "recall", "low", "high"), rows, "Recall: means over repetitions, 95 % intervals")
    series = tuple(each for arm in ladder.arms for each in ladder.curve("recall_mean", arm, arm or "recall"))
    title = f"Recall along {ladder.factor}"
    figures = (_figure(ladder, "recall", title, "share of the true neighbours", series),) if ladder.factor else ()
    return Section("Recall", said, (table,), figures)


def _figure(ladder: Ladder, name: str, title: str, label: str, series: tuple[Series, ...]) -> Figure:
    return Figure(name, title, ladder.axis(), Axis(label, zero=True), series, caption=CAPTION)
