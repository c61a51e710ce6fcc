"""The server's own counters and gauges, asked for about once a second on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

Ask = Callable[[], Awaitable[Mapping[str, float]]]
"""Asks the server: name -> value."""

EVERY_S = 1.0
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    at_ns: int
    """When the answer was there."""
    values: Mapping[str, float]


class Gauges:
    """Asks while it is entered. A question that fails is counted and asked again at the next turn."""

    def __init__(self, ask: Ask, *, clock: Callable[[], int] = time.perf_counter_ns, every_s: float = EVERY_S) -> None:
        self._ask, self._clock, self._every_s = ask, clock, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fairtrial-gauges", daemon=True)
        self._answers: list[Answer] = []
        self.failures: dict[str, int] = {}
        """Class of the failure -> how often."""

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Return all answers so far."""
        return tuple(self._answers)

    def __enter__(self) -> Gauges:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._stop.set()
        self._thread.join()

    def summary(self, begin_ns: int, end_ns: int) -> dict[str, object]:
        """Return mean, maximum and last value of each gauge in a window, and how many questions failed, as JSON."""
        values: dict[str, list[float]] = {}
        for answer in self._answers:
            if begin_ns <= answer.at_ns < end_ns:
                for name, value in answer.values.items():
                    values.setdefault(name, []).append(value)
        table = {
            name: {"mean": sum(seen) / len(seen), "max": max(seen), "last": seen[-1]} for name, seen in values.items()
        }
        return {"gauges": table, "gauge_failures": dict(self.failures)}

    def _run(self) -> None:
        asyncio.run(self._poll())

    async def _poll(self) -> None:
        while not self._stop.is_set():
            await self._once()
            await asyncio.to_thread(self._stop.wait, self._every_s)

    async def _once(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                values = dict(await self._ask())
        except Exception as problem:  # noqa: BLE001  the server may answer anything, or not at all
            kind = type(problem).__name__
            self.failures[kind] = self.failures.get(kind, 0) + 1
            return
        self._answers.append(Answer(self._clock(), values))
