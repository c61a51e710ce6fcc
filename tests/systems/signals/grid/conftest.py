"""Random order flow, with everything that makes a grid hard: instants shared, jumps, empty sides, snapshots."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY, Events

START = 1_700_000_000_000_000_000
BIN = 100_000_000
TICK = 250_000_000
"""A quarter, in units of 1e-9."""


class Flow:
    """A feed at work: it knows which orders rest, so that no message is odd."""

    def __init__(self, rng: np.random.Generator, *, spot: int = 1000, jump: float = 0.01, reach: int = 12) -> None:
        self.rng, self.spot, self.jump, self.reach = rng, spot, jump, reach
        self.now, self.order, self.rows, self.resting = START, 0, [], {}

    def run(self, messages: int) -> Events:
        """Return so many messages, or a few more."""
        while len(self.rows) < messages:
            self._wait()
            self._act()
        columns = list(zip(*self.rows, strict=True))
        types = (np.int64, np.int8, np.int8, np.int64, np.float64, np.int64)
        return Events(*(np.array(column, kind) for column, kind in zip(columns, types, strict=True)))

    def _wait(self) -> None:
        way = self.rng.random()
        if way < 0.3:
            return  # the same instant
        if way < 0.35:
            self.now += BIN - self.now % BIN  # exactly where a bin begins
        elif way < 0.36:
            self.now += int(self.rng.integers(5, 30)) * BIN  # a long silence
        else:
            self.now += int(self.rng.exponential(0.1) * BIN)

    def _act(self) -> None:
        if self.rng.random() < self.jump:
            self.spot += int(self.rng.choice([-1, 1]) * self.rng.integers(1, 130))
        if self.rng.random() < 0.1:
            self.spot += int(self.rng.choice([-1, 1]))
        way = self.rng.random()
        if way < 0.004:
            self._snapshot()
        elif way < 0.45 or len(self.resting) < 6:
            self._add()
        else:
            self._change(way)

    def _write(self, action: int, side: int, level: int, size: int, order: int) -> None:
        self.rows.append((self.now, action, side, level * TICK, float(size), order))

    def _add(self) -> None:
        self.order += 1
        side = int(self.rng.choice([BID, ASK]))
        away = 1 + int(self.rng.integers(self.reach))
        level, size = self.spot + (away if side == ASK else -away), int(self.rng.integers(1, 9))
        self.resting[self.order] = (side, level, size)
        self._write(ADD, side, level, size, self.order)

    def _change(self, way: float) -> None:
        crossed = [
            order
            for order, (side, level, _) in self.resting.items()
            if (level <= self.spot if side == ASK else level >= self.spot)
        ]
        order = int(self.rng.choice(crossed or list(self.resting)))
        side, level, size = self.resting.pop(order)
        if way < 0.6 and not crossed:
            new, moved = int(self.rng.integers(1, 9)), level + int(self.rng.integers(-1, 2))
            self._write(MODIFY, side, moved, new, order)
            self.resting[order] = (side, moved, new)
            return
        part = int(self.rng.integers(1, size + 1))
        self._write(FILL if way < 0.75 else CANCEL, side, level, part, order)
        if part < size:
            self.resting[order] = (side, level, size - part)

    def _snapshot(self) -> None:
        self._write(CLEAR, BID, 0, 0, 0)
        for order, (side, level, size) in self.resting.items():
            self._write(ADD, side, level, size, order)
        self.now += 1  # what follows is no snapshot


@pytest.fixture
def flow():
    """Make messages of a random feed: `flow(seed, messages, **how)`."""

    def made(seed: int, messages: int, **how: float) -> Events:
        return Flow(np.random.default_rng(seed), **how).run(messages)

    return made


@pytest.fixture
def start() -> int:
    """When a random feed begins: a whole bin of 100 ms."""
    return START
