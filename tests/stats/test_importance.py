"""Importance: the share of variance that a factor explains on its own, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.importance import shares
from fairtrial.stats.resample import generator


def one_stratum(n):
    return np.zeros(n, dtype=np.int64)


def test_share_of_a_known_variance():
    """A factor that makes half of the variance has a share of one half, inside its interval; noise has none."""
    rng = np.random.default_rng(1)
    codes, other = rng.integers(0, 2, 4000), rng.integers(0, 5, 4000)
    y = 2.0 * codes + rng.normal(size=4000)
    found, nothing = shares(y, [codes, other], one_stratum(4000), rng=generator(0))
    assert found[0] == pytest.approx(0.5, abs=0.03)
    assert found[1] < 0.5 < found[2]
    assert nothing[0] < 0.005


def test_noise_explains_nothing():
    """The share is corrected for chance: of small samples of noise, about half have none, and the rest little."""
    rng = np.random.default_rng(2)
    codes = np.repeat(np.arange(5), 6)
    found = [shares(rng.normal(size=30), [codes], one_stratum(30), repeats=1, rng=rng)[0][0] for _ in range(400)]
    assert 0.3 < np.mean([share > 0 for share in found]) < 0.5  # uncorrected, all of them would be
    assert np.mean(found) < 0.08  # uncorrected: 4 / 29


def test_units_do_not_matter():
    """Scale and offset leave shares and intervals."""
    rng = np.random.default_rng(3)
    codes, y = rng.integers(0, 4, 200), rng.normal(size=200)
    y = y + codes
    one = shares(y, [codes], one_stratum(200), rng=generator(0))[0]
    other = shares(1e-6 * y + 1e-3, [codes], one_stratum(200), rng=generator(0))[0]
    assert one == pytest.approx(other, rel=1e-6)


def test_nothing_that_varies_has_no_share():
    """A constant metric has no variance to share."""
    assert shares(np.full(20, 0.1), [np.arange(20) % 2], one_stratum(20), rng=generator(0)) == [None]


def test_strata_are_kept_whole():
    """Values are drawn within their stratum: without noise within strata every draw is the sample."""
    codes = np.repeat(np.arange(3), 4)
    found = shares(np.repeat([1.0, 2.0, 4.0], 4), [codes], codes, rng=generator(0))[0]
    assert found == pytest.approx((1.0, 1.0, 1.0))


def test_trials_that_lack_the_factor_are_left_out():
    """A factor of one arm is judged by that arm's trials."""
    codes = np.array([0, 0, 1, 1, -1, -1])
    y = np.array([0.0, 0.1, 5.0, 5.1, 100.0, -100.0])
    assert shares(y, [codes], one_stratum(6), rng=generator(0))[0][0] > 0.99


def known_function(n, seed):
    """Draw points of a function whose inputs matter in a known order."""
    x = np.random.default_rng(seed).random((n, 4))
    return x, 10 * x[:, 0] + 4 * x[:, 1] + 1.5 * x[:, 2]


@pytest.mark.parametrize("evaluator", ["PedAnovaImportanceEvaluator", "FanovaImportanceEvaluator"])
def test_ranks_agree_with_optuna(evaluator):
    """On a function whose inputs matter in a known order, ranks are Optuna's."""
    optuna = pytest.importorskip("optuna")
    if evaluator.startswith("Fanova"):
        pytest.importorskip("sklearn", reason="Optuna's fANOVA needs scikit-learn")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    x, y = known_function(150, 4)
    study = optuna.create_study(direction="maximize")
    space = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(4)}
    for row, value in zip(x, y, strict=True):
        params = {f"x{i}": float(row[i]) for i in range(4)}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=float(value)))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna marks its own evaluators as experimental
        made = getattr(optuna.importance, evaluator)
        theirs = optuna.importance.get_param_importances(study, evaluator=made())
    codes = [np.minimum((x[:, i] * 10).astype(int), 9) for i in range(4)]
    ours = {f"x{i}": one[0] for i, one in enumerate(shares(y, codes, one_stratum(150), rng=generator(0)))}
    order = sorted(ours, key=ours.get, reverse=True)
    assert order[:3] == ["x0", "x1", "x2"]
    assert sorted(theirs, key=theirs.get, reverse=True)[:2] == order[:2]
