"""What of a design is crossed: boxes, what they leave out, factors that move together or change nothing."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.analyse.crossed import box, changed_nothing, twins
from fairtrial.analyse.data import data
from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT


def measured(rows, value):
    """Rows are ({factor: level}, replicate)."""
    names = dict.fromkeys(name for setting, _ in rows for name in setting)
    n = len(rows)
    return data(
        Measurements(
            run=1,
            number=range(1, n + 1),
            variant=[""] * n,
            replicate=[r for _, r in rows],
            seed=[0] * n,
            status=["done"] * n,
            failure=[""] * n,
            factors={name: [setting.get(name, ABSENT) for setting, _ in rows] for name in names},
            metrics={"y": [value(setting, r) for setting, r in rows]},
        )
    )


def grid(cells, replicates=2):
    return [({"a": a, "b": b}, r) for a, b in cells for r in range(replicates)]


def cell(setting, replicate):
    return 100.0 * setting["a"] + 10 * setting["b"] + replicate


def test_a_full_grid_is_all_kept():
    """Values stand by level, setting and replicate."""
    found = measured(grid(product((2, 1), (5, 6, 7))), cell)
    one = box(found, found.metric("y"), ("a",))
    assert one.values.shape == (2, 3, 2)
    assert one.kept == 1
    assert one.values[0, 0].tolist() == [150.0, 151.0]  # levels ascend whatever their order in the file
    both = box(found, found.metric("y"), ("a", "b"))
    assert both.values.shape == (2, 3, 1, 2)


def test_the_worst_gap_goes_first():
    """An excluded cell costs its level or its setting, whichever has more gaps; an added level costs itself."""
    cells = [one for one in product((1, 2, 3), (1, 2, 3, 4)) if one != (3, 4)]
    found = measured(grid(cells), cell)
    one = box(found, found.metric("y"), ("a",))
    assert one.values.shape == (3, 3, 2)
    added = measured(grid([*product((1, 2), (1, 2)), (9, 1)]), cell)
    one = box(added, added.metric("y"), ("a",))
    assert one.absent == (("a", 9),)
    assert one.values.shape == (2, 2, 2)


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_a_box_has_no_gaps(cells):
    """Whatever was measured, every level of a box met every setting of it."""
    found = measured(grid(sorted(cells)), cell)
    for factors in (("a",), ("b",), ("a", "b")):
        one = box(found, found.metric("y"), factors)
        assert one is None or (np.isfinite(one.values).all() and min(one.values.shape[: len(factors)]) > 1)


def test_conditions_drawn_at_random_have_no_box():
    """No two settings are alike, so nothing is crossed."""
    rng = np.random.default_rng(1)
    rows = [({"a": float(a), "b": float(b)}, 0) for a, b in rng.random((200, 2))]
    found = measured(rows, cell)
    assert box(found, found.metric("y"), ("a",)) is None


def test_factors_that_move_together():
    """Zipped factors are twins; values drawn at random, all different, are not."""
    zipped = measured([({"a": a, "b": b}, 0) for a, b in ((1, 30), (2, 10), (3, 20))], cell)
    assert twins(zipped.factors) == {"b": "a"}
    crossed = measured(grid(product((1, 2), (1, 2))), cell)
    assert twins(crossed.factors) == {}
    rng = np.random.default_rng(1)
    drawn = measured([({"a": float(a), "b": float(b)}, 0) for a, b in rng.random((20, 2))], cell)
    assert twins(drawn.factors) == {}


def test_a_factor_that_changes_nothing():
    """It must have met the same setting and seed at two levels, and no metric may differ."""
    rows = grid(product((1, 2), (1, 2)))
    inert = measured(rows, lambda setting, r: setting["a"] + r)
    assert changed_nothing(inert, "b")
    assert not changed_nothing(inert, "a")
    never = measured([({"a": 1, "b": 1}, 0), ({"a": 2, "b": 2}, 0)], lambda setting, r: 1.0)
    assert changed_nothing(never, "a")  # they move together: between the two conditions nothing changed


def test_absent_levels_are_a_setting_of_their_own():
    """A factor that only some conditions have splits them, unless it comes with the factor itself."""
    rows = [({"a": a, "w": w}, 0) for a in (1, 2) for w in (4, 64)] + [({"a": a}, 0) for a in (1, 2)]
    found = measured(rows, lambda setting, r: float(setting["a"]))
    assert box(found, found.metric("y"), ("a",)).values.shape == (2, 3, 1)
    assert box(found, found.metric("y"), ("w",)).values.shape == (2, 2, 1)
