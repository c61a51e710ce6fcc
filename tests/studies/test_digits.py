"""The demo's system: what it measures depends on its parameters and on the seed, and on nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'fairtrial[demo]'")

FILE = Path(__file__).parents[2] / "studies" / "digits.py"


@pytest.fixture(scope="module")
def evaluate():
    """The function of the study file."""
    spec = importlib.util.spec_from_file_location("digits", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.evaluate


def test_a_good_setting_reads_digits_and_a_bad_one_guesses(evaluate):
    """A suitable kernel width is right for nearly all digits, a far too narrow one for few."""
    assert evaluate(C=10, gamma=0.1, seed=1)["accuracy"] > 0.97
    assert evaluate(C=0.1, gamma=1e-4, seed=1)["accuracy"] < 0.5


def test_the_seed_draws_the_split(evaluate):
    """The same seed gives the same numbers, another one another split; 63-bit seeds are taken."""
    assert evaluate(C=1, gamma=0.01, seed=2**62 + 1) == evaluate(C=1, gamma=0.01, seed=2**62 + 1)
    assert evaluate(C=1, gamma=0.01, seed=2**62 + 1) != evaluate(C=1, gamma=0.01, seed=2**62 + 2)
