"""What the mechanics alone cost: the engine without a plan and a store, against a bare fork loop.

Usage: python benchmarks/isolated.py [--quick] [--passes N] [--jobs N]
"""

from __future__ import annotations

import os

from measure import Case, alternate, bench, options, python, rate, ratios, spread, table
from overhead import row

WHAT = {
    "namespace": "guardian in a PID namespace, limits, capture, clean-up",
    "plain": "the same without a PID namespace",
}


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    n = 300 if chosen.quick else 4000
    kinds = [kind for kind in WHAT if kind == "plain" or os.geteuid() == 0]
    cases = [Case("bare", n, python("bare.py", n, chosen.jobs))]
    cases += [Case(kind, n, python("mechanics.py", n, chosen.jobs, kind)) for kind in kinds]
    with bench("isolated trials, the engine alone, against a bare loop of forks"):
        samples = alternate(cases, chosen.passes)
        rows = [row("bare loop of forks", n, samples["bare"], "–", "a process a trial; nothing else")]
        for kind in kinds:
            ratio = spread(ratios(samples[kind], samples["bare"], rate(n)))
            rows.append(row(f"engine, {kind}", n, samples[kind], ratio, WHAT[kind]))
        table(["", "trials", "trials/s", "to bare, same pass", "CPU ms/trial", "driver CPU ms/trial", "what"], rows)
        print("\nasked for: at least 0.75 of the bare rate, at most 0.08 ms driver CPU")


if __name__ == "__main__":
    main()
