"""The arrays that a learned model is: what compiled code reads, and what a model file holds."""

from __future__ import annotations

from typing import NamedTuple

from fairtrial.stats.summary import Floats, Integers


class Arrays(NamedTuple):
    """The log cost of a size: `base`, and what trees and hidden units add; 64 bits wide, so that one kernel fits all.

    A single tree has a root and as many values a leaf as there are sizes; boosting has a column of values and many
    roots, each for one size; a network has no root, and hidden units.
    """

    sizes: Integers
    """Ascending."""
    logged: Integers
    """(10,): 1 where log(1 + x) is taken of this feature."""
    centre: Floats
    """(12,), of the features and the two made of them: subtracted after that; then `scale` divides."""
    scale: Floats
    low: Floats
    """(10,): the least and the largest value of each feature that was trained on, as measured."""
    high: Floats
    feature: Integers
    """(nodes,): which input a node asks for; up to its threshold one goes left."""
    threshold: Floats
    left: Integers
    """(nodes,): the next node, or ~leaf (negative); a node comes before those below it."""
    right: Integers
    root: Integers
    """(trees,): first node, or ~leaf."""
    output: Integers
    """(trees,): the first size that the values of its leaves are added to."""
    value: Floats
    """(leaves, width)."""
    inner: Floats
    """(12, units): weights of the hidden units, which are rectified."""
    bias: Floats
    outer: Floats
    """(units, sizes): what a hidden unit adds."""
    base: Floats
    """(sizes,)."""
