"""Signals judged on market data: barriers beside the same loop in C and beside vectorbt; a whole evaluation; a signal.

Usage: python benchmarks/signals.py [--quick] [--passes N] [--peers all|none]
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from measure import HERE, Sample, bench, options, process, python, ratios, shown, spread, table
from peers import Peer, ready

from fairtrial.systems.signals.judge.barrier import Barriers, follow, passages
from fairtrial.systems.signals.judge.fire import Fired, fire
from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.record import SL, TIMEOUT, TP, Bins, Market
from fairtrial.systems.signals.words import Evaluation, Synthetic

RULES = Barriers(8, 4, 1199)
COOLDOWN = 30
REPEATS = 3
"""Runs a pass; the median counts."""
HOUR = 36_000
PEER = Peer("vectorbt", 1, ("vectorbt",), "sequential positions, no longest time")
KERNEL, TABLE = "followed", "looked up"
HEADS = ["cells per CPU second (bins x thresholds)", "ours", "C", "ours / C"]


@dataclass(frozen=True)
class Given:
    """A signal and a price, and the file that the others read."""

    signal: np.ndarray
    mid_ticks: np.ndarray
    path: Path


def main() -> None:
    """Print the tables; or, with `perm`, what one hour of perm_derivative takes."""
    if sys.argv[1:] == ["perm"]:
        print(json.dumps(perm()))
        return
    chosen = options(__doc__ or "", peers=True)
    bins = 50_000 if chosen.quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder, bench(f"barriers: {bins:,} bins, +8 / -4 ticks, 1,199 bins"):
        given = drawn(bins, Path(folder))
        wrong = barriers(given, Path(folder), chosen.passes)
        if chosen.peers != "none":
            print(f"\n{vectorbt(given)}")
    with bench("an hour of 36,000 bins"):
        hour(chosen.passes)
    if wrong:
        sys.exit(1)


def drawn(bins: int, folder: Path) -> Given:
    """Draw a random walk in ticks and a signal that lingers; write both down."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(0)
    halves = np.cumsum(rng.choice([-2, 0, 0, 0, 0, 2], bins)).astype(np.int32)
    signal = lfilter([np.sqrt(1 - 0.81)], [1, -0.9], rng.normal(size=bins))
    path = folder / "data"
    path.write_bytes(np.int64(bins).tobytes() + signal.tobytes() + halves.tobytes())
    return Given(signal, halves / 2, path)


def barriers(given: Given, folder: Path, passes: int) -> bool:
    """Print rates and ratios of both ways, one threshold and many; say whether anything disagrees."""
    program = built(folder)
    rows, wrong = [], []
    for way, count in ((KERNEL, 1), (KERNEL, 16), (TABLE, 1), (TABLE, 16), (TABLE, 200)):
        levels = np.linspace(1.0, 2.5, count).tolist()
        sides = {"ours": partial(ours, given, way, levels)}
        if program:
            sides["C"] = partial(compiled, program, given, way, levels)
        samples, found = alternated(sides, passes)
        cells = len(given.signal) * count
        rates = [
            statistics.median(cells / one.cpu_s for one in samples[name]) if name in samples else None
            for name in ("ours", "C")
        ]
        ratio = spread(ratios(samples["ours"], samples["C"], lambda one: 1 / one.cpu_s)) if program else "–"
        rows.append([f"{way}, {count} threshold{'s' * (count > 1)}", *map(shown, rates), ratio])
        if any(other != found["ours"] for other in found.values()):
            wrong.append(f"{way}, {count}: counts or results differ")
    table(HEADS, rows)
    print("asked for: at least 0.70 of C")
    print(
        "\n".join(wrong)
        or f"{' and '.join(sides)} agree in every count and result" * bool(program)
        or "skipped C: there is no gcc"
    )
    return bool(wrong)


def alternated(sides: dict, passes: int) -> tuple[dict[str, list[Sample]], dict[str, list]]:
    """Run both in turns, the order turned round each pass; return times and results."""
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    found = {}
    sides["ours"]()  # compiles
    for number in range(passes):
        for name in sides if number % 2 == 0 else reversed(sides):
            several = [sides[name]() for _ in range(REPEATS)]
            samples[name].append(Sample(statistics.median(seconds for seconds, _ in several)))
            found[name] = several[-1][1]
    return samples, found


def ours(given: Given, way: str, levels: list[float]) -> tuple[float, list]:
    """Fire and judge every threshold; return CPU seconds, and counts and result in half ticks of each."""
    start = time.process_time()
    mid, made = given.mid_ticks, passages(given.mid_ticks, RULES) if way == TABLE else None
    found = []
    for level in levels:
        fired = fire(given.signal, level, mode="state", cooldown_bins=COOLDOWN)
        if made is None:
            exits, outcomes = follow(mid, fired, RULES)
        else:
            row = (fired.sides < 0).astype(np.int8)
            exits, outcomes = made.exits[row, fired.bins], made.outcomes[row, fired.bins]
        found.append(counted(mid, fired, exits, outcomes))
    return time.process_time() - start, found


def counted(mid: np.ndarray, fired: Fired, exits: np.ndarray, outcomes: np.ndarray) -> list[int]:
    """Return signals, take profits, stop losses, time-outs, and the summed result in half ticks."""
    kinds = np.bincount(outcomes, minlength=3)
    result = 2 * (fired.sides * (mid[exits] - mid[fired.bins])).sum()
    return [len(outcomes), *(int(kinds[kind]) for kind in (TP, SL, TIMEOUT)), round(float(result))]


def compiled(program: Path, given: Given, way: str, levels: list[float]) -> tuple[float, list]:
    """The same in C."""
    mode = "table" if way == TABLE else "follow"
    numbers = [2 * RULES.tp_ticks, 2 * RULES.sl_ticks, RULES.hold_bins, COOLDOWN, 1]
    words = [program, given.path, mode, *numbers, *map(repr, levels)]
    said = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout.split("\n")
    return float(said[0]), [[int(word) for word in line.split()] for line in said[1:] if line]


def built(folder: Path) -> Path | None:
    """Compile the loop in C; None: there is no compiler."""
    if not (compiler := shutil.which("gcc")):
        return None
    program = folder / "signals"
    subprocess.run([compiler, "-O3", "-march=native", "-o", str(program), str(HERE / "signals.c")], check=True)
    return program


def vectorbt(given: Given) -> str:
    """Say what vectorbt makes of four thresholds, and what it means by that."""
    peer = ready(PEER)
    if peer.reason:
        return f"skipped vectorbt: {peer.reason} (uv pip install vectorbt)"
    levels = np.linspace(1.0, 2.5, 4).tolist()
    said = process([peer.python, str(HERE / "positions.py"), str(given.path), *map(repr, levels)])
    if said.error:
        return f"skipped vectorbt: {said.error}"
    rate = len(given.signal) * len(levels) / float(said.said["seconds"])
    return (
        f"vectorbt {said.said['version']}: {rate:,.0f} cells per CPU second, trades {said.said['trades']}. It means "
        "something else:\none position at a time, stops as shares of the price, no longest time, no cooldown; its "
        "trades are not these trades."
    )


def hour(passes: int) -> None:
    """Print what a whole evaluation of an hour takes, and one signal on it."""
    rng = np.random.default_rng(1)
    given = walk(HOUR, rng)
    signal = type("Signal", (), {"mode": "state", "thresholds": lambda *_: (0.5, 0.75, 1.0, 1.5, 2.0, 2.5)})()
    edge = np.roll(given.mid_ticks, -50) - given.mid_ticks  # looks ahead: no draw is as good, so that all are drawn
    rows = []
    noise = rng.normal(size=HOUR)
    ways = (("no edge", noise, "skip"), ("an edge, trades overlap, all 100,000 draws", edge, "independent"))
    for name, values, overlap in ways:
        evaluation = Evaluation(overlap=overlap)
        times = []
        for _ in range(passes + 1):
            start = time.process_time()
            found = judge([given], [values], signal=signal, evaluation=evaluation, rng=np.random.default_rng(2))
            times.append(time.process_time() - start)
        rows.append(
            [f"judge, {name}", f"{statistics.median(times[1:]):.3f} s CPU", f"{found.metrics['random_draws']:,} draws"]
        )
    said = process(python("signals.py", "perm"))
    if said.error:
        rows.append(["perm_derivative", "failed", said.error])
    else:
        numbers = said.said
        rows.append(
            [
                "perm_derivative, 36,000 x 101",
                f"{numbers['seconds']:.3f} s CPU",
                f"{numbers['peak_gib']:.2f} GiB at most",
            ]
        )
    table(["one configuration", "time", ""], rows)
    print("asked for: perm_derivative at most 1 s after load, below 2 GiB with the making of the market")


def walk(bins: int, rng: np.random.Generator) -> Market:
    """Draw a market whose mid walks at random in half ticks."""
    halves = 8000 + np.cumsum(rng.choice([-1, 0, 0, 0, 1], bins))
    gap = np.where(halves % 2 == 0, 2, 1)
    number = np.arange(bins)
    edges = [((halves + sign * gap) * 125_000_000).astype(np.int64) for sign in (-1, 1)]
    valid = np.ones(bins, np.bool_)
    made = Bins(number, number, number, number, halves * 0.125, number, number, valid, *edges, edges[0])
    return Market("walk", made, {}, 0.25, 0.1)


def perm() -> dict[str, float]:
    """Make an hour of order flow, and measure perm_derivative on it."""
    from fairtrial.systems.signals.catalogue import signal
    from fairtrial.systems.signals.generate.market import market

    known = signal("perm_derivative")
    hour_ = market(Synthetic(bins=HOUR), np.random.default_rng(0), columns=known.columns)
    times = []
    for _ in range(4):
        start = time.process_time()
        known.batch(hour_, known.Parameters(), seed=0)
        times.append(time.process_time() - start)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": statistics.median(times[1:]), "first_seconds": times[0], "peak_gib": peak_gib}


if __name__ == "__main__":
    main()
