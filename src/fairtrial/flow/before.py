"""What held before a factor existed: its parameter at that value, or no such parameter. Only the book knows which."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import combinations, islice

from fairtrial.contract.strategy import Plan
from fairtrial.errors import SpecError
from fairtrial.model.study import ABSENT, Study

WAYS = 64
"""Combinations of factors that are tried."""
LOOKED = 100_000
"""Trials of a plan that are looked up under each of them."""

Plans = Callable[[frozenset[str]], Iterable[Plan]]
"""Factors whose parameter did not exist -> the plan as a whole; then, where that is larger than is looked at, the part
that was asked for."""


def absent(study: Study, plans: Plans, *, settled: Mapping[bytes, str], finished: Collection[bytes]) -> frozenset[str]:
    """Return the factors with `before` whose parameter did not exist then.

    They are those under which most of the plan is settled in its run, then finished in the book; none where the book
    knows nothing. What is measured after the choice is found under it again, so that it stands.
    """
    variants = study.variants
    factors = (factor for variant in variants for factor in study.all_factors(variant) if factor.before is not ABSENT)
    names = sorted({factor.paths[0] for factor in factors})
    chosen: frozenset[str] = frozenset()
    if not names or not (settled or finished):
        return chosen
    most = (-1, -1)
    for way in islice(_ways(names), WAYS):
        looked, *found = _found(plans, way, settled, finished)
        if tuple(found) > most:
            chosen, most = way, (found[0], found[1])
        if looked == found[0]:
            return chosen
    return chosen


def _ways(names: list[str]) -> Iterator[frozenset[str]]:
    """Yield every combination: none, all, then the others, small ones first."""
    yield frozenset()
    yield frozenset(names)
    for size in range(1, len(names)):
        yield from map(frozenset, combinations(names, size))


def _found(
    plans: Plans, way: frozenset[str], settled: Mapping[bytes, str], finished: Collection[bytes]
) -> tuple[int, int, int]:
    """Count how many trials were looked at, are settled, and are finished."""
    looked = done = known = 0
    try:
        for plan in plans(way):
            for digests in _digests(plan):
                looked += len(digests)
                done += sum(digest in settled for digest in digests)
                known += sum(digest in finished for digest in digests)
            if looked < LOOKED:
                break
    except SpecError:
        return looked, -1, -1  # conditions coincide under it: it is none
    return looked, done, known


def _digests(plan: Plan) -> Iterator[Collection[bytes]]:
    size = 4096
    return (block.digests for block in islice(plan.blocks(size), -(-LOOKED // size)))
