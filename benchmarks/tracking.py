"""What a mirror costs the run that it goes along with: the same study with MLflow (an SQLite database) and without.

Usage: python benchmarks/tracking.py [--quick] [--passes N] [--jobs N]
"""

from __future__ import annotations

from measure import Case, alternate, bench, median, options, python, ratios, shown, spread, table


def main() -> None:
    """Print the table: trials that take nothing, and trials that keep every core busy."""
    chosen = options(__doc__ or "")
    shapes = [(40, 20)] if chosen.quick else [(1000, 0), (200, 100)]
    with bench("a run with its mirror against the same run without"):
        cases = [case for n, ms in shapes for case in pair(n, chosen.jobs, ms)]
        samples = alternate(cases, chosen.passes)
        rows = [row(n, ms, samples) for n, ms in shapes]
        heads = ["trials", "each computes", "seconds off", "seconds on", "on to off", "whole call", "there at its end"]
        table(heads, rows)
        print(
            "\non to off: from the first trial's start to the last one's end, pass by pass; whole call: with the grace"
        )


def pair(n, jobs, ms):
    """Return the run without and with its mirror."""
    return [Case(f"{ms} {word}", n, python("tracked.py", n, jobs, ms, word)) for word in ("off", "on")]


def row(n, ms, samples):
    """Make a row of the table."""
    off, on = samples[f"{ms} off"], samples[f"{ms} on"]
    wrong = next((sample.error for sample in (*off, *on) if sample.error), "")
    if wrong:
        return [f"{n:,}", f"{ms} ms", "–", "–", f"failed: {wrong[:100]}", "–", "–"]
    return [
        f"{n:,}",
        f"{ms} ms",
        shown(median(off, lambda sample: float(sample.said["seconds"])), ".2f"),
        shown(median(on, lambda sample: float(sample.said["seconds"])), ".2f"),
        spread(ratios(on, off, lambda sample: float(sample.said["seconds"]))),
        spread(ratios(on, off, lambda sample: float(sample.said["whole_s"]))),
        shown(median(on, lambda sample: float(sample.said["there"]))),
    ]


if __name__ == "__main__":
    main()
