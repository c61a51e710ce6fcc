"""Persistent workers against a ProcessPoolExecutor that commits each result to SQLite at the same synchronous level.

Usage: python benchmarks/persistent.py [--quick] [--passes N] [--jobs N]
"""

from __future__ import annotations

from measure import Case, alternate, bench, median, options, python, rate, ratios, shown, spread, table

LEVELS = ("NORMAL", "FULL")


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    n = 500 if chosen.quick else 5000
    with bench("persistent workers against a process pool with SQLite"):
        cases = [case for level in LEVELS for case in pair(n, chosen.jobs, level)]
        samples = alternate(cases, chosen.passes)
        rows = []
        for level in LEVELS:
            pool, ours = samples[f"pool {level}"], samples[f"fairtrial {level}"]
            for name, found, ratio in (("pool", pool, "–"), ("fairtrial", ours, spread(ratios(ours, pool, rate(n))))):
                errors = [sample.error for sample in found if sample.error]
                cpu_ms = shown(median(found, lambda sample: 1e3 * sample.cpu_s / n), ".3f")
                note = f"failed: {errors[0][:100]}" if errors else f"synchronous = {level}"
                rows.append([name, f"{n:,}", shown(median(found, rate(n))), ratio, cpu_ms, note])
        table(["", "trials", "trials/s", "to pool, same pass", "CPU ms/trial", ""], rows)
        print("\nasked for: at least 1.00 of the pool's rate")


def pair(n: int, jobs: int, level: str) -> list[Case]:
    """Return the pool and fairtrial at one level of durability."""
    return [
        Case(f"pool {level}", n, python("pool.py", n, jobs, level)),
        Case(f"fairtrial {level}", n, python("ours.py", n, jobs, "persistent", level.lower())),
    ]


if __name__ == "__main__":
    main()
