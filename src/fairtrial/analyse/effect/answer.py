"""What the effects come to, in a sentence, and why it may be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.doubts import few, incomplete
from fairtrial.analyse.effect.screen import Screen
from fairtrial.model.effect import Effect
from fairtrial.model.finding import Caution, CautionKind, Needed, Verdict
from fairtrial.model.words import count, listed, number, probability, quantity, span
from fairtrial.stats.summary import Floats

SHOWN = 3
"""Effects that the answer names, and gaps that a caution names."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What was found."""

    metric: str
    unit: str
    effects: Sequence[Effect]
    inert: Sequence[str]
    needed: Needed

    def answer(self, seen: Screen, *, complete: bool) -> str:
        """Say in one sentence what the factors do."""
        base = f"{count(seen.replicates, 'replicate')} of {count(seen.conditions, 'condition')}"
        if not complete:
            why = "fewer trials gave a value than the study asks for"
            return f"Nothing is concluded about {self.metric}: {why} ({base})."
        if seen.replicates < 2:
            return f"Nothing is concluded about {self.metric} from one replicate{self._hint()} ({base})."
        shown = [one for one in self.effects if one.verdict is Verdict.SUPPORTED and not self._small(one)]
        if shown:
            return f"{'; '.join(self._change(one) for one in shown[:SHOWN])}{self._others(shown)} ({base})."
        if self.inert:
            return f"{listed(self.inert)} did not change {self.metric} by as much as matters{self._rest()} ({base})."
        return f"No factor is shown to change {self.metric}{self._limit()} ({base})."

    def _small(self, one: Effect) -> bool:
        return len(one.factors) == 1 and one.factors[0] in self.inert

    def _change(self, one: Effect) -> str:
        ends = "" if one.spread_interval is None else f" ({span(one.spread_interval, self.unit)})"
        size = quantity(one.spread or 0.0, self.unit)
        p = probability(one.p_adjusted or 0.0)
        if len(one.factors) == 1:
            return f"{one.factors[0]} changes {self.metric} by {size} between its extreme levels{ends}, {p}"
        both = " and ".join(one.factors)
        return f"{both} act on {self.metric} together, by up to {size} beyond what each does alone{ends}, {p}"

    def _others(self, shown: Sequence[Effect]) -> str:
        others = len(shown) - SHOWN
        more = f"; so {'does' if others == 1 else 'do'} {count(others, 'other term')}" if others > 0 else ""
        rest = [one.factors[0] for one in self.effects if len(one.factors) == 1 and one not in shown]
        open_ = [name for name in rest if name not in self.inert]
        inert = f"; {listed(self.inert)} did not change it by as much as matters" if self.inert else ""
        return f"{more}{inert}" + (f"; nothing is shown for {listed(open_)}" if open_ else "")

    def _rest(self) -> str:
        names = [one.factors[0] for one in self.effects if len(one.factors) == 1]
        open_ = [name for name in names if name not in self.inert]
        return f", and nothing is shown for {listed(open_)}" if open_ else ""

    def _hint(self) -> str:
        """Name what looks largest, without a claim."""
        sizes = [one for one in self.effects if len(one.factors) == 1 and one.spread is not None]
        if not sizes:
            return ""
        largest = max(sizes, key=lambda one: one.spread or 0.0)
        return f", in which {largest.factors[0]} has the largest spread, {quantity(largest.spread or 0.0, self.unit)}"

    def _limit(self) -> str:
        smallest = self.needed.smallest_effect
        if not smallest:
            return ""
        return f"; a difference of {quantity(smallest, self.unit)} would have been seen with power 0.8"


def doubts(seen: Screen, share: float, completeness: float) -> Iterator[Caution]:
    """List what the design leaves to be doubted."""
    yield from incomplete(share, completeness)
    yield from few(seen.replicates, f"The tests rest on {count(seen.replicates, 'complete replicate')}.")
    if seen.gaps:
        text = f"The design is not a full grid; left out of the tests: {listed(seen.gaps, SHOWN)}."
        yield Caution(
            CautionKind.UNBALANCED, text, "Measure the missing conditions, or ask with --factor for one of them."
        )


def oddities(values: Floats, inert: Sequence[str], together: Mapping[str, str]) -> Iterator[Caution]:
    """List what is odd about the factors and the metric."""
    numbers = values[np.isfinite(values)]
    if len(numbers) > 1 and (numbers == numbers[0]).all():
        text = f"All {len(numbers):,} values are {number(numbers[0])}."
        yield Caution(CautionKind.DEGENERATE, text, "Check that the metric measures what it should.")
    for name in inert:
        text = f"{name} changed no measurement, or none by as much as matters."
        yield Caution(CautionKind.INERT_FACTOR, text, f"Check that the system reads {name}, or drop it.")
    for name, twin in together.items():
        text = f"{name} and {twin} move together, so their effects cannot be told apart."
        yield Caution(CautionKind.UNBALANCED, text, f"Vary {name} on its own.")
