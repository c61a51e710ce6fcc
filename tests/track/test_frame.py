"""The data frame of a run: types of columns, what is null, names that clash."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from fairtrial.model.run import Measurements
from fairtrial.model.study import ABSENT
from fairtrial.track.frame import column, frame

SEED = 2**64 - 1


def measured(**changes):
    """Make the measurements of three trials."""
    given = {
        "run": 7,
        "number": range(1, 4),
        "variant": ["a", "a", "b"],
        "replicate": [0, 1, 0],
        "seed": [SEED, 1, SEED],
        "status": ["done", "failed", "done"],
        "failure": ["", "oom", ""],
        "factors": {"svm.C": [1, 2, ABSENT]},
        "metrics": {"accuracy": np.array([0.5, math.nan, 0.7])},
        "wall_s": [0.1, 0.2, 0.3],
        "cpu_s": [0.1, 0.1, 0.1],
        "peak_bytes": [10, 20, 30],
    }
    return Measurements(**{**given, **changes})


def test_a_row_a_trial_with_everything_about_it():
    """Columns come in one order, and numbers keep their types, 64-bit seeds included."""
    made = frame(measured())
    assert made.columns == [
        *("run", "trial", "variant", "svm.C", "replicate", "seed", "status", "failure"),
        *("accuracy", "wall_s", "cpu_s", "peak_bytes"),
    ]
    assert made.row(0) == (7, 1, "a", 1, 0, SEED, "done", None, 0.5, 0.1, 0.1, 10)
    assert made.row(1) == (7, 2, "a", 2, 1, 1, "failed", "oom", None, 0.2, 0.1, 20)
    assert made.row(2)[3] is None
    assert made.schema["svm.C"] == pl.Int64


def test_usage_may_be_unknown():
    """Measurements without usage give null columns, not zeros."""
    made = frame(measured(wall_s=(), cpu_s=(), peak_bytes=()))
    assert made.select("wall_s", "cpu_s", "peak_bytes").null_count().row(0) == (3, 3, 3)


def test_an_empty_run_has_all_columns():
    """No trials still make a frame with its types."""
    empty = {name: [] for name in ("number", "variant", "replicate", "seed", "status", "failure")}
    made = frame(measured(**empty, factors={"x": []}, metrics={"m": []}, wall_s=(), cpu_s=(), peak_bytes=()))
    assert made.shape == (0, 12)
    assert made.schema["seed"] == pl.UInt64


def test_names_that_clash_are_told_apart():
    """A factor called seed or like a metric gets a prefix; no column replaces another."""
    factors = {"seed": [1, 2, 3], "loss": [4, 5, 6], "factors.seed": [7, 8, 9]}
    made = frame(measured(factors=factors, metrics={"loss": [0.1, 0.2, 0.3], "trial": [1.0, 1.0, 1.0]}))
    assert made["seed"].to_list() == [SEED, 1, SEED]
    assert made["factors.factors.seed"].to_list() == [1, 2, 3]
    assert made["factors.seed"].to_list() == [7, 8, 9]
    assert made["factors.loss"].to_list() == [4, 5, 6]
    assert made["loss"].to_list() == [0.1, 0.2, 0.3]
    assert made["metrics.trial"].to_list() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2], pl.Int64, [1, 2]),
        ([1, 2.5], pl.Float64, [1.0, 2.5]),
        ([0.5, None], pl.Float64, [0.5, None]),
        ([True, False], pl.Boolean, [True, False]),
        (["a", ABSENT], pl.String, ["a", None]),
        (["absent", ABSENT], pl.String, ["absent", None]),
        ([ABSENT, ABSENT], pl.Null, [None, None]),
        ([None, None], pl.Null, [None, None]),
        ([1, "a"], pl.String, ["1", '"a"']),
        ([1, True], pl.String, ["1", "true"]),
        ([None, ABSENT, 1], pl.String, ["null", None, "1"]),
        ([[1, 2], [3]], pl.String, ["[1,2]", "[3]"]),
        ([{"b": 1, "a": 2}, ABSENT], pl.String, ['{"a":2,"b":1}', None]),
        ([2**63, 1], pl.String, [str(2**63), "1"]),
        ([2**53 + 1, 0.5], pl.String, [str(2**53 + 1), "0.5"]),
        (np.array([1.0, 2.0]), pl.Float64, [1.0, 2.0]),
        ([], pl.Null, []),
    ],
)
def test_columns_have_their_levels_type_or_are_json(values, dtype, expected):
    """Levels of one type are typed, others are JSON strings, and nothing is rounded on the way."""
    made = column(values)
    assert made.dtype == dtype
    assert made.to_list() == expected
