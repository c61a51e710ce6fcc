"""Parameters: defaults, one line for each mistake, one way to write what comes to the same."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from fairtrial.systems.signals.catalogue import LEARNED, signal

WHEN = {
    "svm_sp": (1200, 300),
    "gbm_mf": (2400, 600),
    "knn_cl": (1800, 300),
    "lsvm_der": (1500, 600),
    "xgb_snap": (3000, 600),
    "pca_ad": (700, 100),
}


@pytest.mark.parametrize("name", LEARNED)
def test_defaults(name):
    """Each learns first and again when it is said to."""
    settings = signal(name).Parameters()
    assert (settings.min_train_bins, settings.retrain_bins) == WHEN[name]
    if name != "pca_ad":
        assert (settings.label_tp_ticks, settings.label_sl_ticks, settings.label_max_bins) == (8, 4, 1200)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("svm_sp", {"retrain": 3}, "retrain"),
        ("svm_sp", {"c": 0}, "greater than 0"),
        ("svm_sp", {"label_max_bins": 500, "max_train_rows": 500}, "must be below max_train_rows 500"),
        ("gbm_mf", {"patience_rounds": 200}, "patience_rounds 200 does nothing"),
        ("knn_cl", {"neighbours": 200, "max_train_rows": 150, "label_max_bins": 10}, "exceed max_train_rows 150"),
        ("lsvm_der", {"full_bins": 1000}, "no multiple of retrain_bins 600"),
        ("xgb_snap", {"depth": 0}, "greater than or equal to 1"),
        ("pca_ad", {"window_bins": 50, "components": 25}, "must exceed 2 x components, 50"),
        ("pca_ad", {"label_sl_ticks": 4}, "label_sl_ticks"),
    ],
)
def test_mistakes(name, given, says):
    """A mistake is one error that says what is wrong."""
    with pytest.raises(ValidationError) as caught:
        signal(name).Parameters(**given)
    assert caught.value.error_count() == 1
    assert says in str(caught.value)
    assert "\n" not in caught.value.errors()[0]["msg"]


def test_barriers_that_come_to_the_same():
    """Only the nearer barrier can be touched first: all pairs with the same nearer one are the same settings."""
    made = signal("svm_sp").Parameters
    assert made(label_tp_ticks=20) == made(label_tp_ticks=4) == made(label_sl_ticks=30, label_tp_ticks=4) == made()
    assert made(label_tp_ticks=6, label_sl_ticks=10) == made(label_sl_ticks=6) != made()
    for given in ({"label_tp_ticks": 6, "label_sl_ticks": 10}, {"label_tp_ticks": 30, "label_sl_ticks": 20}):
        assert made(**made(**given).model_dump()) == made(**given)


def test_classes_load_little():
    """Making a signal and its parameters loads no library that learns or compiles."""
    code = (
        "import sys\nfrom fairtrial.systems.signals.catalogue import LEARNED, signal\n"
        "for name in LEARNED: signal(name).Parameters()\n"
        "print(sorted({'numba', 'sklearn', 'lightgbm', 'xgboost', 'scipy', 'polars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
