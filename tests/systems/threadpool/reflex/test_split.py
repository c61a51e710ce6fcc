"""The split: no row, no group and no held-out family on both sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.parameters import FAMILIES
from fairtrial.systems.threadpool.reflex.split import folds, split
from fairtrial.systems.threadpool.reflex.target import subset


@pytest.mark.parametrize("name", FAMILIES)
def test_a_held_out_family_is_tested_and_absent_from_training(planted, name):
    """All rows of the family are in the test, none in the training."""
    labelled = planted(40)
    (part,) = split(labelled, name, seed=0)
    number = FAMILIES.index(name)
    assert set(labelled.family[part.test].tolist()) == {number}
    assert number not in labelled.family[part.train]
    assert len(part.train) + len(part.test) == 40


def test_none_tests_every_family_by_the_others(planted):
    """Every row is tested once, by a training without its family."""
    labelled = planted(42)
    parts = split(labelled, "none", seed=0)
    assert sorted(np.concatenate([part.test for part in parts]).tolist()) == list(range(42))
    for part in parts:
        assert not set(labelled.family[part.train].tolist()) & set(labelled.family[part.test].tolist())


def test_folds_keep_rows_of_the_same_features_together(planted):
    """The same telemetry twice never stands on both sides; every row is tested once."""
    twice = subset(planted(30), np.tile(np.arange(30), 2))
    parts = folds(twice, seed=0)
    assert len(parts) == 5
    assert sorted(np.concatenate([part.test for part in parts]).tolist()) == list(range(60))
    for part in parts:
        assert not set(twice.rows[part.train].tolist()) & set(twice.rows[part.test].tolist())


def test_one_family_alone_is_folded(planted):
    """There is no other family to learn from: rows are folded."""
    alone = planted(30, families=1)
    for mine, theirs in zip(split(alone, "none", seed=5), folds(alone, seed=5), strict=True):
        assert np.array_equal(mine.test, theirs.test)


def test_a_family_without_rows_is_refused(planted):
    """The line names the families that are there; so do labels of the held-out family alone, and no labels."""
    with pytest.raises(UserError, match=r"held_out is blocking, .* families there: steady, bursty"):
        split(planted(20, families=2), "blocking", seed=0)
    with pytest.raises(UserError, match="none is left to learn from"):
        split(planted(20, families=1), "steady", seed=0)
    with pytest.raises(UserError, match="no row of the labels"):
        split(subset(planted(20), np.arange(0)), "none", seed=0)
    same = replace(planted(20, families=1), features=np.ones((20, 10)))
    with pytest.raises(UserError, match="same features"):
        split(same, "none", seed=0)
