"""Configurations of the older harness: what is none is refused in one line with its place."""

from __future__ import annotations

import pytest

from fairtrial.errors import SpecError
from fairtrial.systems.signals.convert.harness import SECTIONS, read

WHOLE = """\
name: n
description: d
datasets: [day]
signals: [ads]
eval: {tp_ticks: [8, 12], sl_ticks: 4, max_hold_bins: 600, warmup_bins: 100, tick_size: 0.25, min_signals: 3}
grid_variant: {c1: 1.5, c7_a_pull: [0.3, 0.4], spectrum_windows: [5, 10], spectrum_tanh_scale: 2, symbol: A}
sweep: {universal: {cooldown_bins: [20]}, per_signal: {ads: {blend_scale: [3]}}}
parallel: {max_workers: 2, timeout_seconds: 60}
online_sim: {signals: [ads], measure_latency: true, measure_memory: false, warmup_bins: 10}
tracking: {backend: none, wandb_mirror: false}
"""


def test_all_keys_are_read(given) -> None:
    """A value of an axis is a list of one; a weight may be called by its number alone."""
    config = read(given(WHOLE))
    assert (config.eval.tp_ticks, config.eval.sl_ticks) == ([8, 12], [4])
    assert config.grid_variant is not None
    assert (config.grid_variant.c1_v_add, config.grid_variant.c7_a_pull) == ([1.5], [0.3, 0.4])
    assert config.grid_variant.spectrum_windows == [5, 10]
    assert config.tracking is not None
    assert config.tracking.backend == "none"


def test_what_was_not_said_is_as_the_harness_had_it(given, least) -> None:
    """Barriers, hold, warm-up, least signals; parallel and tracking only where they are said."""
    config = read(given(least))
    assert (config.eval.tp_ticks, config.eval.sl_ticks, config.eval.tick_size) == ([8], [4], 0.25)
    assert (config.eval.max_hold_bins, config.eval.warmup_bins, config.eval.min_signals) == (1200, 300, 5)
    assert (config.tracking, config.online_sim, config.grid_variant) == (None, None, None)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("swep: {}", "old.yaml:4: swep: unknown key (did you mean 'sweep'?)"),
        ("eval:\n  tp_tick: 8", "old.yaml:5: eval.tp_tick: unknown key (did you mean 'tp_ticks'?)"),
        ("sweep: {per_signals: {}}", "sweep.per_signals: unknown key (did you mean 'per_signal'?)"),
        ("grid_variant: {c8: 1}", "grid_variant.c8: unknown key"),
        ("online_sim: {budget: 1}", "online_sim.budget: unknown key"),
        ("tracking: {uri: x}", "tracking.uri: unknown key"),
        ("parallel: {workers: 1}", "parallel.workers: unknown key (did you mean 'max_workers'?)"),
        ("eval:\n  sl_ticks: 0", "old.yaml:5: eval.sl_ticks.0: 0: Input should be greater than 0"),
        ("eval: {tp_ticks: [8, -1]}", "eval.tp_ticks.1: -1: Input should be greater than 0"),
        ("eval: {tp_ticks: []}", "eval.tp_ticks: an empty list leaves nothing to run"),
        ("eval: {tp_ticks: [8, 8]}", "eval.tp_ticks: 8 stands here twice"),
        ("eval: {tp_ticks: '8'}", "eval.tp_ticks.0: '8': Input should be a valid number"),
        ("eval: {min_signals: 0}", "eval.min_signals: 0: Input should be greater than or equal to 1"),
        ("eval: {warmup_bins: 1.5}", "eval.warmup_bins: 1.5: Input should be a valid integer"),
        ("eval: 8", "eval: 8: Input should be a valid dictionary"),
        ("sweep: {universal: {zscore_window: []}}", "sweep.universal.zscore_window: an empty list leaves nothing"),
        (
            "sweep: {universal: {zscore_window: 300}}",
            "sweep.universal.zscore_window: 300: Input should be a valid list",
        ),
        ("sweep: {per_signal: {ads: []}}", "sweep.per_signal.ads: Input should be a valid dictionary"),
        ("tracking: {backend: wandb}", "tracking.backend: 'wandb': Input should be 'mlflow' or 'none'"),
        ("tracking: {tags: {a: 1}}", "tracking.tags.a: 1: Input should be a valid string"),
        ("parallel: {max_workers: 0}", "parallel.max_workers: 0: Input should be greater than or equal to 1"),
        ("grid_variant: {spectrum_derivative_weights: [1]}", "grid_variant.spectrum_derivative_weights"),
    ],
)
def test_what_is_no_configuration_is_refused(given, least, more, said) -> None:
    """Unknown keys with the nearest one, wrong types and ranges, empty lists, values that stand there twice."""
    with pytest.raises(SpecError) as problem:
        read(given(least + more))
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a configuration has the keys name, datasets and signals"),
        ("- 1", "old.yaml:1: a configuration has the keys"),
        ("datasets: [day]\nsignals: [ads]", "old.yaml:1: name: missing"),
        ("name: n\ndatasets: []\nsignals: [ads]", "old.yaml:2: datasets: an empty list"),
        ("name: n\ndatasets: [day, day]\nsignals: [ads]", "old.yaml:2: datasets: 'day' stands here twice"),
        ("name: n\ndatasets: ['../day']\nsignals: [ads]", "old.yaml:2: datasets.0: '../day'"),
        ("name: n\ndatasets: day\nsignals: [ads]", "old.yaml:2: datasets: 'day': Input should be a valid list"),
    ],
)
def test_what_every_configuration_has(given, text, said) -> None:
    """A name, data sets and signals, each once."""
    with pytest.raises(SpecError) as problem:
        read(given(text))
    assert said in str(problem.value)


def test_sections_are_those_of_a_configuration() -> None:
    """The nearest name is looked for among the keys of the right section."""
    assert {*SECTIONS} <= {"", *SECTIONS[""].model_fields}
