"""Configurations become studies: words, counts, notes; the study is read, planned and run as it comes out."""

from __future__ import annotations

import json
from math import prod

import pytest

import fairtrial
from fairtrial.errors import SpecError
from fairtrial.spec.write import written
from fairtrial.spec.yaml import parse
from fairtrial.systems.signals.catalogue import FORMULAS, LEARNED

TUNE = """\
name: tune_perm_derivative
datasets: [day]
signals: [perm_derivative]
sweep:
  universal: {cooldown_bins: [20, 30]}
  per_signal:
    perm_derivative:
      center_exclusion_radius: [0, 1]
      spatial_decay_power: [0, 0.5]
      zscore_window_bins: [150, 300]
      tanh_scale: [2, 3, 4]
      d2_weight: [0, 0.5]
      d3_weight: [0, 0.25]
"""
RUNTIME = """\
name: tune_ads_pfp_svac_runtime
datasets: [day]
signals: [ads_pfp_svac]
sweep:
  per_signal:
    ads_pfp_svac:
      ads_warmup_ms: [10000, 20000]
      ads_zscore_window_ms: [10000, 20000]
      pfp_lag_ms: [300, 500]
      pfp_ema_alpha: [0.05, 0.1]
      composite_weight_ads: [0.4, 0.5]
      composite_weight_svac: [0.3, 0.4]
"""
RATIO = """\
name: tune_ads_pfp_svac_rr_20_8
datasets: [day]
signals: [ads_pfp_svac]
eval: {tp_ticks: 20, sl_ticks: 8}
sweep:
  universal: {cooldown_bins: [20, 30, 60]}
  per_signal:
    ads_pfp_svac: {pfp_lag_ms: [300, 500], svac_norm_alpha: [0.05, 0.1]}
"""
ROUND = """\
name: round1
datasets: [day]
signals: [perm_derivative, ads, erd, pfp, jad, iirc, spg, msd]
eval: {tp_ticks: [4, 8, 12], sl_ticks: [2, 4, 8]}
sweep:
  universal: {cooldown_bins: [20, 30, 60]}
  per_signal:
    perm_derivative:
      spatial_decay_power: [0, 0.5, 1]
      zscore_window_bins: [150, 300]
      center_exclusion_radius: [0, 1]
      tanh_scale: [2, 3]
      d2_weight: [0, 0.5]
      d3_weight: [0, 0.25]
    ads: {slope_windows: [[10, 25, 50], [5, 15, 30]], zscore_window: [100, 200, 300], blend_scale: [2, 3, 4, 5]}
    erd: {zscore_window: [50, 100, 200], spike_floor: [0.25, 0.5], variant: [a, b]}
    pfp: {lag_bins: [3, 5, 8], ema_alpha: [0.05, 0.1, 0.2]}
    jad: {zscore_window: [150, 300], tanh_scale: [2, 3, 4]}
    iirc: {slope_windows: [[10, 30], [5, 20]], noise_floor: [0.05, 0.1, 0.2]}
    spg: {fast_span: [3, 5], slow_span: [20, 40]}
    msd: {variant: [weighted, sum]}
"""
SIZES = {"tune": (TUNE, 192), "runtime": (RUNTIME, 64), "ratio": (RATIO, 12), "round": (ROUND, 4293)}
VARIED = """\
name: a campaign!
description: What leads?
datasets: [day, night]
signals: [perm_derivative, ads]
eval: {tp_ticks: [8, 12.5], sl_ticks: 4, max_hold_bins: 600, warmup_bins: 200, min_signals: 3}
grid_variant: {c1: [1, 2], tau_rest_decay: 20, symbol: MNQH6, dt: "2026-02-06"}
sweep:
  universal: {cooldown_bins: [20, 30]}
  per_signal:
    perm_derivative: {zscore_window_bins: [50, 300], zscore_min_periods: [40, 75], enable_weighted_blend: [false]}
    ads: {blend_scale: [3]}
parallel: {max_workers: 3, timeout_seconds: 90}
online_sim: {signals: [ads]}
tracking: {tracking_uri: "sqlite:///m.db", wandb_mirror: true, wandb_project: p}
"""


@pytest.mark.parametrize("name", SIZES)
def test_the_study_has_as_many_conditions_as_there_were_runs(planned, name) -> None:
    """Of each size that the older harness's campaigns had."""
    text, runs = SIZES[name]
    assert planned(text) == runs


def test_the_note_says_the_same_number(converted) -> None:
    """And the product of the levels gives it."""
    for text, runs in SIZES.values():
        made = converted(text)
        assert f"{runs} runs of the older harness, {runs} conditions here." in made.notes[0]
        common = prod(len(levels) for levels in made.document.get("factors", {}).values())
        arms = made.document["variants"].values()
        assert common * sum(prod(map(len, arm.get("factors", {}).values())) for arm in arms) == runs


def test_all_words(converted) -> None:
    """Scalars go to the base, lists become factors, a signal is a variant, refused combinations are excluded."""
    made = converted(VARIED, lake="there").document
    assert (made["study"], made["question"], made["system"]) == ("a-campaign", "What leads?", "signals")
    evaluation = {"protocol": "original", "sl_ticks": 4, "max_hold_bins": 600, "warmup_bins": 200, "min_signals": 3}
    assert made["base"] == {"data": {"lake": "there"}, "evaluation": evaluation}
    grids = [None, {"c1": 1.0, "tau_mass_s": 20.0}, {"c1": 2.0, "tau_mass_s": 20.0}]
    assert made["factors"] == {
        "data.dataset": ["day", "night"],
        "data.grid": grids,
        "evaluation.tp_ticks": [8, 12.5],
        "evaluation.cooldown_bins": [20, 30],
    }
    assert made["variants"]["ads"] == {"set": {"signal.name": "ads", "signal.parameters.blend_scale": 3}}
    perm = made["variants"]["perm_derivative"]
    assert perm["set"] == {"signal.name": "perm_derivative", "signal.parameters.blend": False}
    assert perm["factors"] == {
        "signal.parameters.min_periods": [40, 75],
        "signal.parameters.zscore_window_bins": [50, 300],
    }
    (rule,) = made["exclude"]
    assert (
        rule == "variant == 'perm_derivative' and signal.parameters.min_periods == 75 and "
        "signal.parameters.zscore_window_bins == 50"
    )
    assert (made["parallel"], made["limits"]) == ({"jobs": 3}, {"wall": "90s"})
    assert made["tracking"] == {"mlflow": {"uri": "sqlite:///m.db"}}
    assert "replicates" not in made


def test_notes_say_what_has_no_place(converted) -> None:
    """What was left out, what has another name, and the command that takes the place of online_sim."""
    said = "\n".join(converted(VARIED).notes)
    for part in (
        "Converted from old.yaml: 80 runs of the older harness, 96 conditions here.",
        "name = 'a campaign!' -> study: a-campaign",
        "sweep.per_signal.perm_derivative.zscore_min_periods -> signal.parameters.min_periods",
        "exclude: 1 of 4 combinations of perm_derivative are refused by the signal",
        "grid_variant: symbol = MNQH6, dt = 2026-02-06 -> left out",
        "grid_variant: of every data set here",
        "grid_variant.tau_rest_decay -> data.grid.tau_mass_s",
        "tracking.wandb_mirror, wandb_project -> left out",
        "fairtrial signals online-sim --signal ads --dataset-id day",
        "fairtrial signals online-sim --signal ads --dataset-id night",
        "eval.tick_size = 0.25 -> left out",
    ):
        assert part in said, part
    assert "--lake there" in "\n".join(converted(VARIED, lake="there").notes)


def test_rules_of_the_system_instead(converted, planned, least) -> None:
    """`honest` leaves the protocol to the system, and says so; the axes are the same."""
    made = converted(TUNE, protocol="honest")
    assert "protocol" not in made.document["base"]["evaluation"]
    assert "192 conditions here under other rules" in made.notes[0]
    assert made.document["variants"] == converted(TUNE).document["variants"]
    assert planned(least, "--protocol", "honest") == 1


def test_all_is_every_signal_of_the_harness(planned, converted) -> None:
    """Fifteen, each a variant."""
    text = "name: n\ndatasets: [day]\nsignals: [all]\n"
    assert list(converted(text).document["variants"]) == [*FORMULAS, *LEARNED]
    assert planned(text) == 15


def test_the_same_configuration_gives_the_same_bytes(converted) -> None:
    """And what is written is read again as the same study."""
    once = written(converted(VARIED))
    assert once == written(converted(VARIED))
    assert parse(once)[0] == converted(VARIED).document


def test_variants_of_the_grid_stand_beside_the_data_set(planned, least) -> None:
    """A scalar makes one, axes all of them."""
    assert planned(f"{least}grid_variant: {{c1: 2}}") == 2
    assert planned(f"{least}grid_variant: {{c1: [1, 2], tau_velocity: [1, 2, 4]}}") == 7


def test_combinations_that_do_the_same_are_planned_once(planned, least) -> None:
    """Those that the signal refuses, not at all; and the study is accepted though an axis depends on another."""
    axes = "{enable_weighted_blend: [false, true], mixed_weight: [0.1, 0.2, 0.3], d1_weight: [0, 1], d2_weight: [0, 1]}"
    assert planned(f"{least}sweep: {{per_signal: {{perm_derivative: {axes}}}}}") == 3 * 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("signals: [perm_derivativ]", "old.yaml:3: signals: unknown signal 'perm_derivativ' (did you mean"),
        ("signals: [all, ads]", "old.yaml:3: signals: all stands beside others (signals: [all])"),
        ("signals: [ads]\nsweep: {per_signal: {asd: {}}}", "sweep.per_signal.asd: 'asd' is not among the signals (did"),
        ("signals: [ads]\nsweep: {per_signal: {pfp: {lag: [1, 2]}}}", "'pfp' is not among the signals (valid: ads)"),
        ("signals: [ads, pfp]\nsweep: {universal: {zscore_window: [50]}}", "the signal pfp has no parameter"),
        ("signals: [ads]\nonline_sim: {signals: [asd]}", "online_sim.signals: unknown signal 'asd'"),
        ("signals: [ads]\nsweep: {universal: {cooldown_bins: [1.5]}}", "1.5 is no number of bins"),
        ("signals: [ads]\nsweep: {universal: {cooldown_bins: [-1]}}", "-1 is no number of bins"),
        ("signals: [ads]\nsweep: {universal: {cooldown_bins: [2, 2]}}", "2 stands here twice (remove one)"),
    ],
)
def test_names_and_cooldowns_are_checked(converted, text, said) -> None:
    """Wherever a signal is named; a universal axis must be one of every signal."""
    with pytest.raises(SpecError) as problem:
        converted(f"name: n\ndatasets: [day]\n{text}\n")
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_name_of_nothing(converted) -> None:
    """Is refused."""
    with pytest.raises(SpecError, match="'!' is no name"):
        converted("name: '!'\ndatasets: [day]\nsignals: [ads]\n")


def test_a_missing_data_set_is_refused_by_the_plan(typed, lake, tmp_path) -> None:
    """The conversion needs no data; nothing starts without them."""
    (tmp_path / "lake").symlink_to(lake)
    (tmp_path / "old.yaml").write_text("name: n\ndatasets: [dya]\nsignals: [ads]\n")
    code, study, _ = typed("signals", "convert", "old.yaml")
    assert code == 0
    (tmp_path / "study.yaml").write_text(study)
    for verb in ("plan", "run"):
        code, out, err = typed(verb, "study.yaml")
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "no data set 'dya'" in err
        assert "did you mean 'day'" in err
    assert not list(tmp_path.glob(".fairtrial/trials/*"))


def test_a_converted_configuration_runs(typed, lake, tmp_path) -> None:
    """As it comes out, with the tables that the older harness had; twice the same is nothing new."""
    (tmp_path / "lake").symlink_to(lake)
    text = "name: n\ndatasets: [day]\nsignals: [msd]\neval: {tp_ticks: [2, 4], sl_ticks: 2, warmup_bins: 50}\n"
    (tmp_path / "old.yaml").write_text(text)
    (tmp_path / "study.yaml").write_text(typed("signals", "convert", "old.yaml")[1])
    assert typed("run", "study.yaml", "--quiet")[0] == 0
    trials = list(fairtrial.Run(1).trials())
    assert [trial.failure for trial in trials] == [None, None]
    assert typed("run", "study.yaml", "--quiet")[0] == 0
    code, plan, _ = typed("plan", "study.yaml", "--json")
    assert (code, json.loads(plan)["data"]["new"], json.loads(plan)["data"]["done"]) == (0, 0, 2)
