"""Worlds of the gate: the same thing against itself, and shifts that it must find or must not let pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairtrial.flow.selftest.cell import Cell
from fairtrial.model.comparison import Comparison, Gate, Side
from fairtrial.model.run import Measurements
from fairtrial.model.study import Direction, Metric, Study, SystemRef

METRICS = (
    Metric("latency_p99_s", Direction.MINIMIZE, "s"),
    Metric("latency_p50_s", Direction.MINIMIZE, "s"),
    Metric("throughput_per_s", Direction.MAXIMIZE, "1/s"),
)
"""Three metrics that gate, each by the default margin of 10 %."""
TYPICAL = (0.2, 0.05, 50.0)


def compared(rng: Any, *, rounds: int, sd: float, shift: float = 0.0, drift: float = 0.0) -> Comparison:
    """Judge two interleaved runs: log-normal values of that sd between runs, the first metric worse by `shift`.

    `drift` is the sd of what both sides of a round have in common.
    """
    from fairtrial.compare.verdict import compare

    common = rng.normal(0.0, drift, (len(METRICS), rounds)) if drift else 0.0
    sides = [common + rng.normal(0.0, sd, (len(METRICS), rounds)) for _ in range(2)]
    factors = ([1.0, 1.0, 1.0], [1.0 + shift, 1.0, 1.0])
    runs = [_values(logs, scale) for logs, scale in zip(sides, factors, strict=True)]
    samples = [_sample(number, values) for number, values in enumerate(runs, 1)]
    return compare(samples[0], samples[1], mode="interleaved")


def _values(logs: Any, scale: Sequence[float]) -> list[list[float]]:
    from math import exp

    return [
        [typical * factor * exp(value) for value in row]
        for typical, factor, row in zip(TYPICAL, scale, logs.tolist(), strict=True)
    ]


def _sample(run: int, values: Sequence[Sequence[float]]) -> Any:
    from fairtrial.compare.sample import Sample

    rounds = range(len(values[0]))
    measured = Measurements(
        run=run,
        number=[k + 1 for k in rounds],
        variant=["" for _ in rounds],
        replicate=list(rounds),
        seed=list(rounds),
        status=["done" for _ in rounds],
        failure=["" for _ in rounds],
        factors={},
        metrics={metric.name: row for metric, row in zip(METRICS, values, strict=True)},
    )
    study = Study(name="world", system=SystemRef("world"), replicates=len(rounds), metrics=METRICS)
    return Sample(Side(run, "world", float(run), "anywhere"), study, measured, system="world")


def _cell(world: str, rounds: int, verdict: Gate, *, planted: bool, rate: float, **more: float) -> Cell:
    def fires(rng: Any) -> bool:
        return compared(rng, rounds=rounds, **more).verdict is verdict

    return Cell("gate", world, f"{rounds} rounds x {len(METRICS)} metrics", planted, rate, fires)


def _alarm(world: str, rounds: int, **more: float) -> Cell:
    return _cell(f"unchanged, {world}: FAIL", rounds, Gate.FAIL, planted=False, rate=0.05, **more)


def _missed(world: str, rounds: int, **more: float) -> Cell:
    said = f"worse by 20 %, {world}: PASS"
    return _cell(said, rounds, Gate.PASS, planted=False, rate=0.05, shift=0.2, **more)


def _found(world: str, rounds: int, verdict: Gate, rate: float, **more: float) -> Cell:
    return _cell(f"{world}: {verdict}", rounds, verdict, planted=True, rate=rate, **more)


CELLS: tuple[Cell, ...] = (
    _alarm("noise 2 %", 5, sd=0.02),
    _alarm("noise 5 %", 5, sd=0.05),
    _alarm("noise 5 %", 10, sd=0.05),
    _alarm("noise 30 %", 5, sd=0.3),
    _alarm("noise 30 %", 10, sd=0.3),
    _alarm("noise 5 %, drift 30 %", 10, sd=0.05, drift=0.3),
    _missed("noise 5 %", 5, sd=0.05),
    _missed("noise 5 %", 10, sd=0.05),
    _missed("noise 30 %", 10, sd=0.3),
    _found("worse by 15 %, noise 5 %", 10, Gate.FAIL, 0.8, sd=0.05, shift=0.15),
    _found("worse by 15 %, noise 5 %, drift 30 %", 10, Gate.FAIL, 0.8, sd=0.05, shift=0.15, drift=0.3),
    _found("worse by 50 %, noise 5 %", 5, Gate.FAIL, 0.95, sd=0.05, shift=0.5),
    _found("unchanged, noise 2 %", 10, Gate.PASS, 0.95, sd=0.02),
)
