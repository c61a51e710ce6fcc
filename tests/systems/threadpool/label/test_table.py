"""The table of an oracle study as an array: failures are missing, unstable sizes are results."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.label.table import labelled
from fairtrial.systems.threadpool.telemetry.schema import NAMES


def table(rows=(4, 9), sizes=(8, 2), replicates=(0, 1, 2)) -> dict[str, list]:
    """Every trial: p95 is row + size / 100 + replicate / 10000."""
    keys = [(row, size, replicate) for size in sizes for row in rows for replicate in replicates]
    found = {"telemetry.row": [key[0] for key in keys], "pool.workers": [key[1] for key in keys]}
    found["replicate"] = [key[2] for key in keys]
    found["latency_p95_s"] = [row + size / 100 + replicate / 10_000 for row, size, replicate in keys]
    found["stable"] = [1.0] * len(keys)
    found["family"] = [float(row == 9) for row, _, _ in keys]
    return found | {name: [row + at / 10 for row, _, _ in keys] for at, name in enumerate(NAMES)}


def place(columns, row, size, replicate) -> int:
    return list(zip(*(columns[name] for name in ("telemetry.row", "pool.workers", "replicate")), strict=True)).index(
        (row, size, replicate)
    )


def fail(columns, at) -> None:
    """A failed trial has its factors and no metrics."""
    for name in set(columns) - {"telemetry.row", "pool.workers", "replicate"}:
        columns[name][at] = None


def test_arranges():
    """Rows and sizes ascend whatever the order of the trials; each number is where it belongs."""
    found = labelled(table())
    assert (found.rows.tolist(), found.sizes, found.family.tolist()) == ([4, 9], (2, 8), [0, 1])
    assert found.p95_s.shape == (2, 2, 3)
    assert found.p95_s[1, 0].tolist() == pytest.approx([9.02, 9.0201, 9.0202])
    assert found.features[1].tolist() == pytest.approx([9 + at / 10 for at in range(10)])
    assert found.stable.all()


def test_order_does_not_matter():
    """The same trials in another order are the same labels; as numbers of any kind, lists or polars columns."""
    columns = table()
    order = np.random.default_rng(0).permutation(len(columns["replicate"]))
    shuffled = pl.DataFrame(columns)[order]
    for other in (shuffled.to_dict(), shuffled.to_dict(as_series=False), {k: np.array(v) for k, v in columns.items()}):
        np.testing.assert_array_equal(labelled(other).p95_s, labelled(columns).p95_s)
        np.testing.assert_array_equal(labelled(other).features, labelled(columns).features)


def test_failures_are_missing():
    """A failed trial, and one that was never made, are NaN; the row keeps its features from the others."""
    columns = table()
    fail(columns, place(columns, 4, 2, 0))
    drop = place(columns, 9, 8, 2)
    found = labelled({name: values[:drop] + values[drop + 1 :] for name, values in columns.items()})
    assert np.argwhere(np.isnan(found.p95_s)).tolist() == [[0, 0, 0], [1, 1, 2]]
    assert found.stable.all()
    assert np.isfinite(found.features).all()


def test_unstable_is_a_result():
    """A size that cannot do what arrives has no number, and is not missing."""
    columns = table()
    for replicate in range(3):
        at = place(columns, 9, 2, replicate)
        columns["stable"][at], columns["latency_p95_s"][at] = 0.0, None
    found = labelled(columns)
    assert found.stable.tolist() == [[True, True], [False, True]]
    assert np.isnan(found.p95_s[1, 0]).all()


def test_a_number_of_an_unstable_size_is_none():
    """Where one replicate calls a size unstable, no replicate's number counts."""
    columns = table()
    columns["stable"][place(columns, 4, 8, 1)] = 0.0
    assert np.isnan(labelled(columns).p95_s[0, 1]).all()


def test_a_row_that_failed_wholly_is_left_out():
    """Nothing is known of it, not even its family."""
    columns = table()
    for size in (2, 8):
        for replicate in range(3):
            fail(columns, place(columns, 4, size, replicate))
    assert labelled(columns).rows.tolist() == [9]


def test_no_trials():
    """Without a measured trial there are no rows."""
    assert len(labelled({name: [] for name in table()}).rows) == 0


def test_undefined_features_stay_undefined():
    """A time in whose window no task ended is NaN."""
    columns = table()
    columns["task_time_p50_us"] = [None] * len(columns["replicate"])
    found = labelled(columns)
    assert np.isnan(found.features[:, NAMES.index("task_time_p50_us")]).all()
    assert np.isfinite(found.p95_s).all()


@pytest.mark.parametrize(("name", "told"), [
    ("telemetry.row", "no column 'telemetry.row' (an oracle study varies telemetry.row and pool.workers"),
    ("latency_p95_s", "no column 'latency_p95_s' (did you mean 'latency_p99_s'?)"),
])  # fmt: skip
def test_missing_column(name, told):
    """A column that is not there is told, with the nearest one."""
    columns = table() | {"latency_p99_s": []}
    del columns[name]
    with pytest.raises(UserError) as problem:
        labelled(columns)
    assert told in str(problem.value)


def test_a_trial_twice():
    """Two variants in one table are refused: which of them is meant is not known."""
    columns = {name: values + values for name, values in table().items()}
    with pytest.raises(UserError, match=r"row 4 with 2 workers, replicate 0, 2 times .*one variant only"):
        labelled(columns)


def test_keys_are_whole_numbers():
    """Half a row, or none, is a mistake; words are too."""
    for value in (0.5, None, -1):
        with pytest.raises(UserError, match=r"column 'telemetry\.row' holds .*not a whole number"):
            labelled(table() | {"telemetry.row": [value] * 12})
    with pytest.raises(UserError, match="holds what is no number"):
        labelled(table() | {"stable": ["yes"] * 12})
