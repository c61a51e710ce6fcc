"""What an isolated, durable trial costs: fairtrial against a bare fork loop, and beside its peers.

Usage: python benchmarks/overhead.py [--quick] [--passes N] [--jobs N] [--peers NAMES]
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from measure import Case, Sample, alternate, bench, median, options, python, rate, ratios, shown, spread, table
from peers import Ready, chosen, ready

ISOLATED = "a process a trial; SQLite, parameters, metrics, attempts"


def main() -> None:
    """Print both tables."""
    chosen_options = options(__doc__ or "", peers=True)
    sizes = (200, 1000) if chosen_options.quick else (2000, 20_000)
    with bench("isolated, durable trials against a bare loop of forks"):
        against_bare(sizes, passes=chosen_options.passes, jobs=chosen_options.jobs)
    picked = [ready(peer) for peer in chosen(chosen_options.peers)]
    if picked:
        with bench("beside its peers, each with its own store"):
            passes = 1 if chosen_options.quick else min(3, chosen_options.passes)
            beside(picked, sizes[0], passes=passes, jobs=chosen_options.jobs, share=0.1 if chosen_options.quick else 1)


def against_bare(sizes: Sequence[int], *, passes: int, jobs: int) -> None:
    """Measure both loops at both sizes in every pass; print rates, ratios and the driver's CPU time."""
    cases = [case for n in sizes for case in pair(n, jobs)]
    samples = alternate(cases, passes)
    rows = []
    for n in sizes:
        bare, ours = samples[f"bare {n}"], samples[f"fairtrial {n}"]
        rows.append(row("bare loop of forks", n, bare, "–", "a process a trial; nothing stored"))
        rows.append(row("fairtrial", n, ours, spread(ratios(ours, bare, rate(n))), ISOLATED))
    table(["", "trials", "trials/s", "to bare, same pass", "CPU ms/trial", "driver CPU ms/trial", "what"], rows)
    small, large = (samples[f"fairtrial {n}"] for n in sizes)
    scaling = [
        rate(sizes[1])(b) / rate(sizes[0])(a) for a, b in zip(small, large, strict=True) if not a.error + b.error
    ]
    print(f"\nfairtrial at {sizes[1]:,} to {sizes[0]:,} trials, same pass: {spread(scaling)}")
    print("asked for: at least 0.60 of the bare rate, at most 0.20 ms driver CPU, at least 0.85 at the larger size")


def pair(n: int, jobs: int) -> list[Case]:
    """Return the bare loop and fairtrial at one size."""
    return [
        Case(f"bare {n}", n, python("bare.py", n, jobs)),
        Case(f"fairtrial {n}", n, python("ours.py", n, jobs, "isolated")),
    ]


def row(name: str, n: int, samples: Sequence[Sample], ratio: str, what: str) -> list[str]:
    """Make a row; a case that never worked says why in its last column."""
    driver = median(samples, lambda sample: 1e3 * float(sample.said.get("driver_cpu_s", 0)) / n)
    errors = [sample.error for sample in samples if sample.error]
    return [
        name,
        f"{n:,}",
        shown(median(samples, rate(n))),
        ratio,
        shown(median(samples, lambda sample: 1e3 * sample.cpu_s / n), ".2f"),
        shown(driver, ".3f") if driver else "–",
        f"failed: {errors[0][:100]}" if errors else what,
    ]


def beside(peers: Sequence[Ready], n: int, *, passes: int, jobs: int, share: float) -> None:
    """Measure fairtrial, the bare loop and every peer in each pass; print rates and ratios to fairtrial."""
    sizes = {one.peer.name: max(10, int(one.peer.n * share)) for one in peers}
    able = [one for one in peers if not one.reason]
    cases = [Case(one.peer.name, sizes[one.peer.name], peer_argv(one, sizes[one.peer.name], jobs)) for one in able]
    samples = alternate([*pair(n, jobs), *cases], passes)
    ours = samples[f"fairtrial {n}"]
    rows = [
        peer_row("fairtrial", n, ours, ours, n, ISOLATED),
        peer_row("bare loop", n, samples[f"bare {n}"], ours, n, ""),
    ]
    for one in peers:
        name, size = one.peer.name, sizes[one.peer.name]
        if one.reason:
            rows.append([name, "–", "–", "–", "–", f"skipped: {one.reason}"])
        else:
            rows.append(peer_row(name, size, samples[name], ours, n, one.peer.note))
    table(["", "trials", "trials/s", "fairtrial is", "CPU ms/trial", "isolation; store"], rows)


def peer_argv(one: Ready, n: int, jobs: int) -> list[str]:
    """Return the command that runs a peer in its own environment."""
    return [one.python, *python("peer.py", one.peer.name, n, jobs)[1:]]


def peer_row(name: str, n: int, samples: Sequence[Sample], ours: Sequence[Sample], ours_n: int, note: str) -> list[str]:
    """Make a peer's row, with how many times faster fairtrial is in the same pass."""
    pairs = [(a, b) for a, b in zip(ours, samples, strict=True) if not a.error + b.error]
    faster = [rate(ours_n)(a) / rate(n)(b) for a, b in pairs]
    errors = [sample.error for sample in samples if sample.error]
    version = next((str(sample.said["version"]) for sample in samples if "version" in sample.said), "")
    return [
        f"{name} {version}".strip(),
        f"{n:,}",
        shown(median(samples, rate(n)), ",.4g"),
        f"{statistics.median(faster):.2f} x" if faster else "–",
        shown(median(samples, lambda sample: 1e3 * sample.cpu_s / n), ".2f"),
        f"failed: {errors[0][:100]}" if errors else note,
    ]


if __name__ == "__main__":
    main()
