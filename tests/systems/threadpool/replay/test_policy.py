"""Who chooses: formulas at once, learned policies from labels or from a model file, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.label.table import labelled
from fairtrial.systems.threadpool.parameters import FORMULAS, LEARNT, Control, Policy
from fairtrial.systems.threadpool.reflex import learn
from fairtrial.systems.threadpool.reflex.container import dump
from fairtrial.systems.threadpool.replay.policy import chooser, guarded
from fairtrial.systems.threadpool.words import SIZES, Machine


@pytest.fixture(scope="module")
def tree(labels):
    """A tree that was fitted to the labels."""
    import polars as pl

    return learn.fit("tree", labelled(pl.read_parquet(labels).to_dict(as_series=False)), seed=0)


def choosing(kind, **inputs):
    """Return the chooser of a kind of policy, given these inputs."""
    return chooser(Policy(kind=kind), machine=Machine(), inputs=inputs)


@pytest.mark.parametrize("kind", FORMULAS)
def test_formulas_need_no_input(kind):
    """A formula chooses among all sizes, with nothing to learn from."""
    assert choosing(kind).sizes == SIZES


def test_a_fixed_policy_is_one_size_that_never_changes():
    """Whatever it sees, missing numbers included, it says the size that was given."""
    guard = guarded(Policy(kind="fixed", workers=12), Control(), machine=Machine(), inputs={})
    seen = [np.zeros(10), np.full(10, np.nan), np.full(10, 1e9)]
    assert [guard.decide(float(turn), features) for turn, features in enumerate(seen)] == [12, 12, 12]
    assert guard.fallbacks == 0


@pytest.mark.parametrize("kind", LEARNT)
def test_a_learned_policy_says_what_to_give_it(kind):
    """One line names both inputs, as they are written in a study."""
    with pytest.raises(UserError) as raised:
        choosing(kind)
    said = str(raised.value)
    assert kind in said
    assert "\n" not in said
    assert "inputs: {labels: {study: threadpool-oracle}}" in said
    assert "inputs: {model: {file: PATH}}" in said


def test_it_is_fitted_once_for_each_content(labels, tmp_path, monkeypatch):
    """The same labels at another place are not learned again; other labels are."""
    import polars as pl

    from fairtrial.systems.threadpool.replay import policy

    fits = []
    monkeypatch.setattr(learn, "fit", lambda kind, data, seed: fits.append((kind, len(data.rows), seed)))
    policy._fitted.cache_clear()
    moved, shorter = tmp_path / "moved.parquet", tmp_path / "shorter.parquet"
    moved.write_bytes(labels.read_bytes())
    pl.read_parquet(labels).filter(pl.col("telemetry.row") < 20).write_parquet(shorter)
    for path in (labels, moved, shorter, labels):
        choosing("tree", labels=path)
    choosing("network", labels=labels)
    policy._fitted.cache_clear()
    assert fits == [("tree", 48, 0), ("tree", 20, 0), ("network", 48, 0)]


@pytest.mark.parametrize("kind", LEARNT)
def test_the_fit_is_the_same_every_time(kind, labels):
    """Two processes make the same model: here, two fits that share nothing."""
    from fairtrial.systems.threadpool.replay import policy

    models = []
    for _ in range(2):
        policy._fitted.cache_clear()
        models.append(dump(choosing(kind, labels=labels)))
    assert models[0] == models[1]


def test_a_model_file_chooses_as_the_model_did(tree, labels, tmp_path):
    """Loaded or fitted, the costs are the same; the file comes before the labels where both are given."""
    path = tmp_path / "tree.reflex"
    path.write_bytes(dump(tree))
    loaded = choosing("tree", model=path, labels=tmp_path / "none.parquet")
    features = np.random.default_rng(1).uniform(0, 5000, (50, 10))
    assert np.array_equal(loaded.costs(features), choosing("tree", labels=labels).costs(features))


def test_a_model_of_another_kind_is_refused(tree, tmp_path):
    """The line says what the file holds, and what to write."""
    path = tmp_path / "tree.reflex"
    path.write_bytes(dump(tree))
    with pytest.raises(UserError, match=r"holds a tree, not a network.*policy\.kind: tree"):
        choosing("network", model=path)


def test_a_damaged_model_is_refused(tree, tmp_path):
    """One flipped byte, anywhere, and nothing is replayed."""
    whole = dump(tree)
    path = tmp_path / "tree.reflex"
    for at in np.linspace(0, len(whole) - 1, 25).astype(int):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(UserError):
            choosing("tree", model=path)
