"""What a terminal shows of a timed stream."""

from __future__ import annotations

from fairtrial.model.figure import Grid, Section
from fairtrial.systems.signals.online.run import TAIL, Timed

MIB = 2**20


def line(timed: Timed, what: str) -> str:
    """Say in one line whether a signal keeps up, with the numbers that decide."""
    p50, p95, p99 = (timed.quantile_ms(share) for share in (0.50, 0.95, 0.99))
    kept = "keeps up" if timed.passed else "does not keep up"
    times = f"p50 {p50:.4g}, p95 {p95:.4g}, p99 {p99:.4g}, max {timed.max_ms:.4g} ms against {timed.budget_ms:g} ms"
    over = f"{timed.over} of {len(timed.timed_ms)} bins over it ({timed.over_share:.2%})"
    return f"{what} {kept}: {times}; {over}{_stalls(timed)}"


def section(timed: Timed, said: str) -> Section:
    """Return the table of times, counts and memory."""
    stalls = timed.stalls_ms
    rows = (
        *((f"p{share}", timed.quantile_ms(share / 100), "ms") for share in (50, 95, 99)),
        ("max", timed.max_ms, "ms"),
        ("budget", timed.budget_ms, "ms"),
        ("bins", len(timed.timed_ms), ""),
        ("bins over the budget", timed.over, f"at most {TAIL:.0%}"),
        ("bins without a value", timed.without, ""),
        ("warm-up, not counted", timed.warmup_bins, "bins"),
        ("bins that learnt anew", len(stalls), ""),
        ("longest of these", float(stalls.max()) if len(stalls) else None, "ms"),
        ("memory before", timed.rss_start_bytes / MIB, "MiB"),
        ("memory, steady", timed.rss_steady_bytes / MIB, "MiB"),
        ("memory, peak with loading", timed.rss_peak_bytes / MIB, "MiB"),
    )
    return Section("Online simulation", (f"{said}.",), (Grid(("what", "value", "unit"), rows),))


def _stalls(timed: Timed) -> str:
    stalls = timed.stalls_ms
    return f"; learnt anew in {len(stalls)} bins, {stalls.max():.4g} ms at most" if len(stalls) else ""
