"""A training from labels to scores: the gate, what is held out, the null arm, the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.stats.interval import rate_interval
from fairtrial.stats.resample import generator, percentile
from fairtrial.systems.threadpool.metrics import GROUPS
from fairtrial.systems.threadpool.parameters import FAMILIES, LEARNT, POLICIES, Policy, Training
from fairtrial.systems.threadpool.reflex import training
from fairtrial.systems.threadpool.reflex.container import dump, load
from fairtrial.systems.threadpool.reflex.learn import fit
from fairtrial.systems.threadpool.reflex.score import score, yardstick
from fairtrial.systems.threadpool.reflex.split import split
from fairtrial.systems.threadpool.reflex.target import digest, halves, subset
from fairtrial.systems.threadpool.reflex.training import COLUMNS, train


def asked(kind="tree", workers=32, **words):
    return Training(policy=Policy(kind=kind, workers=workers), **words)


def interval(values):
    """Return the bootstrap interval of a mean over rows, at 95 %."""
    rng = generator(0, "bootstrap")
    return percentile(values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1), 0.95)


def best_constant(rows):
    """Return the regrets of the constant policy whose mean is lowest on these rows, in hindsight."""
    return min(yardstick(rows).regret.T, key=np.mean)


@pytest.mark.parametrize("kind", POLICIES)
def test_every_policy_is_scored_on_the_same_rows(planted, kind):
    """Each gives all metrics of a training and a row for each row held out; a file is left by learned ones alone."""
    found = train(planted(80), asked(kind, held_out="bursty"), seed=0)
    assert set(found.metrics) == set(GROUPS["training"])
    assert tuple(found.rows) == COLUMNS
    assert found.rows["row"] == list(range(1, 80, 4))
    assert set(found.rows["family"]) == {"bursty"}
    assert set(found.rows["apart"]) == {True}
    assert found.metrics["rows_tested"] == 20
    assert found.metrics["regret_mean"] == pytest.approx(np.mean(found.rows["regret"]))
    assert found.metrics["regret_max"] == max(found.rows["regret"])
    assert (found.model is not None) == (kind in LEARNT)
    assert found.metrics["rows_trained"] == (60 if kind in LEARNT else 0)
    assert found.metrics["model_bytes"] == (len(found.model) if found.model else None)


def test_noise_stops_at_the_gate(equal):
    """Sizes that do not differ: nothing is learned or scored, and the share of the variance is told."""
    for kind in ("tree", "fixed"):
        found = train(equal(), asked(kind), seed=0)
        assert found.model is None
        assert found.metrics["regret_mean"] is None
        assert found.metrics["between_share"] < 0.1
        assert (found.metrics["rows_trained"], found.metrics["rows_tested"]) == (0, 0)
        assert {tuple(column) for column in found.rows.values()} == {()}


def test_the_gate_is_as_high_as_asked(planted):
    """What passes one gate is stopped by a higher one."""
    labelled = planted(60, noise=0.3)
    share = train(labelled, asked("fixed"), seed=0).metrics["between_share"]
    assert 0.1 < share < 0.99
    assert train(labelled, asked("fixed", between=share + 0.005), seed=0).metrics["regret_mean"] is None


@pytest.mark.parametrize("kind", LEARNT)
def test_the_held_out_family_changes_nothing_of_the_model(planted, kind):
    """With other features and labels in the family that is held out, the file is the same to the byte."""
    labelled = planted(80)
    family = labelled.family == FAMILIES.index("adversarial")
    features = np.where(family[:, None], labelled.features * 3 + 1, labelled.features)
    p95_s = np.where(family[:, None, None], labelled.p95_s[:, ::-1] * 7, labelled.p95_s)
    stable = np.where(family[:, None], labelled.stable[:, ::-1], labelled.stable)
    other = replace(labelled, features=features, p95_s=p95_s, stable=stable)
    files = {train(one, asked(kind, held_out="adversarial"), seed=1).model for one in (labelled, other)}
    assert len(files) == 1
    (file,) = files
    assert load(file).trained == digest(subset(labelled, ~family))


def test_tests_learn_from_the_replicates_that_do_not_score(planted, monkeypatch):
    """Replicate k has the same luck in every row: a tested model never saw the scoring replicates of any row."""
    seen = []

    def spy(kind, labelled, *, seed, replicates=None):
        seen.append((replicates, len(labelled.rows)))
        return fit(kind, labelled, seed=seed, replicates=replicates)

    monkeypatch.setattr(training, "fit", spy)
    labelled = planted(80)
    train(labelled, asked(held_out="steady"), seed=0)
    assert seen == [(halves(labelled).naming, 60), (None, 60)]


def test_none_fits_the_file_to_all_rows(planted):
    """Every row is tested without its family; the file is that of all rows, and folds of rows are told beside."""
    labelled = planted(80)
    found = train(labelled, asked(), seed=2, made={"run": "5"})
    assert found.rows["row"] == list(range(80))
    assert found.metrics["rows_trained"] == found.metrics["rows_tested"] == 80
    assert found.model == dump(replace(fit("tree", labelled, seed=2), made={"run": "5"}))
    assert tuple(found.rows) == (*COLUMNS, "chosen_within", "regret_within")
    assert len(found.rows["regret_within"]) == 80


def test_the_planted_rule_beats_every_constant(planted):
    """On a family that was never seen the tree's regret is below that of the best constant, interval and all."""
    labelled = planted(300)
    tree = np.array(train(labelled, asked(held_out="blocking"), seed=0).rows["regret"])
    constant = best_constant(subset(labelled, labelled.family == FAMILIES.index("blocking")))
    assert interval(tree - constant)[1] < 0


@pytest.mark.parametrize("held_out", ["none", "steady"])
def test_with_shuffled_labels_the_tree_is_as_good_as_the_best_constant(planted, held_out):
    """The null arm: the interval of the tree's regret includes that of the best constant policy."""
    labelled = planted(300)
    tree = np.array(train(labelled, asked(held_out=held_out, shuffled=True), seed=0).rows["regret"])
    tested = labelled.family == FAMILIES.index("steady") if held_out == "steady" else np.arange(300)
    low, high = interval(tree)
    assert low <= best_constant(subset(training.shuffled(labelled, seed=0), tested)).mean() <= high


@pytest.mark.long
def test_the_null_arm_is_seldom_told_from_a_constant(planted):
    """Over 200 shuffles the interval misses the best constant in no more than the nominal share."""
    labelled = planted(200)
    missed = 0
    for seed in range(200):
        rows = training.shuffled(labelled, seed=seed)
        setting = training.Setting(Policy(kind="tree", workers=32), cores=8, seed=seed)
        ((chooser, places),) = training.tests(rows, split(rows, "bursty", seed=seed), setting)
        tested = subset(rows, places)
        low, high = interval(score(chooser, tested.features, yardstick(tested), setting.policy).regret)
        missed += not low <= best_constant(tested).mean() <= high
    assert rate_interval(missed, 200)[0] <= 0.05


def test_shuffling_moves_labels_alone(planted):
    """Features and families stay, p95 and stability move together, nothing is lost."""
    labelled = planted(50)
    found = training.shuffled(labelled, seed=0)
    assert np.array_equal(found.features, labelled.features)
    assert np.array_equal(found.family, labelled.family)
    assert not np.array_equal(found.stable, labelled.stable)
    assert np.array_equal(np.isnan(found.p95_s).all(axis=2), ~found.stable)
    assert sorted(np.nansum(found.p95_s, axis=(1, 2))) == pytest.approx(sorted(np.nansum(labelled.p95_s, axis=(1, 2))))


def test_rows_that_were_not_measured_are_left_out(planted):
    """A failed size leaves its row out, for learned models and formulas alike."""
    labelled = planted(80)
    p95_s = labelled.p95_s.copy()
    p95_s[5, 6] = np.nan
    lame = replace(labelled, p95_s=p95_s)
    for kind in ("tree", "fixed"):
        assert 5 not in train(lame, asked(kind, held_out="bursty"), seed=0).rows["row"]


def test_a_size_that_was_not_measured_is_refused(planted):
    """A constant that the labels do not have cannot be scored."""
    with pytest.raises(UserError, match=r"sizes \(12\) were not measured in the labels; measured: 1, 2, 4"):
        train(planted(40), asked("fixed", 12), seed=0)
