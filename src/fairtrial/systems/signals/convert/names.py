"""What the older harness called the parameters of its signals, where it is not what they are called here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES: Mapping[str, Mapping[str, str]] = {
    "ads": {"blend_weights": "blend"},
    "spg": {"curv_span": "curvature_span"},
    "pfp": {"lag_bins": "lag", "ema_alpha": "alpha"},
    "perm_derivative": {"zscore_min_periods": "min_periods", "enable_weighted_blend": "blend"},
    "ads_pfp_svac": {
        "ads_blend_weights": "ads_blend",
        "pfp_ema_alpha": "pfp_alpha",
        "svac_norm_alpha": "svac_alpha",
        "composite_weight_ads": "ads_weight",
        "composite_weight_pfp": "pfp_weight",
        "composite_weight_svac": "svac_weight",
    },
    "svm_sp": {"retrain_interval": "retrain_bins", "svm_c": "c"},
    "gbm_mf": {"retrain_interval": "retrain_bins", "num_boost_round": "rounds", "early_stopping": "patience_rounds"},
    "knn_cl": {
        "min_train": "min_train_bins",
        "restandardize_interval": "retrain_bins",
        "k_neighbors": "neighbours",
    },
    "lsvm_der": {
        "min_train": "min_train_bins",
        "retrain_interval": "retrain_bins",
        "full_refit_interval": "full_bins",
    },
    "xgb_snap": {"min_train": "min_train_bins", "retrain_interval": "retrain_bins", "num_boost": "rounds"},
    "pca_ad": {
        "min_warmup": "min_train_bins",
        "refit_interval": "retrain_bins",
        "pca_window": "window_bins",
        "n_components": "components",
    },
}
"""Signal -> its parameter there -> the same one here. Those of one name are left out."""

VALUES: Mapping[tuple[str, str], Mapping[str, str]] = {("msd", "variant"): {"sum": "plain"}}
"""Signal and parameter -> a word there -> the word here."""

CANCELLED: Mapping[tuple[str, str], str] = {
    ("perm_derivative", "cell_width_ms"): "it is the length of the data's bins, and a robust z divides it out"
}
"""Signal and parameter -> why several levels of it were one run again and again."""


def translated(signal: str, name: str) -> str:
    """Return what a parameter of a signal is called here."""
    return NAMES.get(signal, {}).get(name, name)


def value(signal: str, name: str, given: Any) -> Any:
    """Return a value as a parameter of a signal takes it here."""
    words = VALUES.get((signal, name), {})
    return words.get(given, given) if isinstance(given, str) else given
