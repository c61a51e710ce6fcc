"""A matching engine in plain Python, and what a flow's path was."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest

from fairtrial.systems.signals.generate.pace import pace
from fairtrial.systems.signals.generate.path import path
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY
from fairtrial.systems.signals.words import Synthetic


class Engine:
    """A book of queues by price; it refuses whatever no market could do."""

    def __init__(self) -> None:
        self.sides = ({}, {})
        self.sizes = {}

    def best(self, side):
        """The best price of a side; None where it is empty."""
        prices = self.sides[side]
        return (max if side == BID else min)(prices, default=None)

    def take(self, action, side, price, size, order) -> None:
        """Take a message; an assertion fails where it is not one of a market with price-time priority."""
        if action == CLEAR:
            self.__init__()
        elif action == ADD:
            assert order not in self.sizes
            assert size > 0
            self._rest(side, price, order)
            self.sizes[order] = size
        elif action == MODIFY:
            before = self._where(side, order)
            assert price != before
            assert size == self.sizes[order]
            self._leave(side, before, order)
            self._rest(side, price, order)
        else:
            assert action in (CANCEL, FILL)
            assert 0 < size <= self.sizes[order]
            assert order in self.sides[side][price]
            if action == FILL:
                assert price == self.best(side)
                assert order == self.sides[side][price][0]
            self.sizes[order] -= size
            if self.sizes[order] == 0:
                del self.sizes[order]
                self._leave(side, price, order)

    def depth(self, side, price):
        """Size at a price."""
        return sum(self.sizes[order] for order in self.sides[side].get(price, ()))

    def _rest(self, side, price, order) -> None:
        other = self.best(BID + ASK - side)
        assert other is None or (price < other if side == BID else price > other), "crossed"
        self.sides[side].setdefault(price, deque()).append(order)

    def _leave(self, side, price, order) -> None:
        self.sides[side][price].remove(order)
        if not self.sides[side][price]:
            del self.sides[side][price]

    def _where(self, side, order):
        return next(price for price, queue in self.sides[side].items() if order in queue)


@pytest.fixture
def engine():
    """An empty one."""
    return Engine()


@pytest.fixture(scope="session")
def known():
    """(synthetic, seed) -> path, mid in ticks and intent at the end of each bin, as the flow of that seed has them."""

    def of(synthetic: Synthetic, seed) -> SimpleNamespace:
        drawn = path(pace(synthetic), synthetic.bins * synthetic.bin_s, np.random.default_rng(seed))
        ends = (np.arange(synthetic.bins) + 1) * synthetic.bin_s
        at = np.searchsorted(drawn.at_s, ends) - 1
        return SimpleNamespace(
            path=drawn,
            quotes=drawn.quotes[at],
            mid=drawn.quotes[at].mean(axis=1),
            intent=drawn.intent[at].astype(float),
        )

    return of
