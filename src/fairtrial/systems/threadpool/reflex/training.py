"""One training from labels to scores: the noise gate, the split, learning, regret on rows that were kept away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Integers
from fairtrial.systems.threadpool.analytic import known
from fairtrial.systems.threadpool.label.noise import Noise, noise
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.metrics import GROUPS
from fairtrial.systems.threadpool.parameters import FAMILIES, LEARNT, Policy, Training
from fairtrial.systems.threadpool.record import Chooser
from fairtrial.systems.threadpool.reflex.container import dump
from fairtrial.systems.threadpool.reflex.learn import fit
from fairtrial.systems.threadpool.reflex.score import Score, joined, score, yardstick
from fairtrial.systems.threadpool.reflex.split import Part, folds, split
from fairtrial.systems.threadpool.reflex.target import halves, subset, usable

COLUMNS = ("row", "family", "chosen", "best", "regret", "in_best", "unstable", "fell_back", "apart")
"""Of the raw table `choices`."""

Metrics = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training."""

    metrics: Metrics
    """Those of the group `training`; regrets are None where the noise gate stayed shut."""
    model: bytes | None
    """The model file; None for formulas, and where nothing was learned."""
    rows: Mapping[str, Sequence[object]]
    """The raw table `choices`, an entry a row that was tested."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all fits of one training share."""

    policy: Policy
    cores: int
    seed: int

    @property
    def learns(self) -> bool:
        """Whether the policy is learned, not a formula."""
        return self.policy.kind in LEARNT


def train(
    labelled: Labelled, training: Training, *, seed: int, cores: int = 8, made: Mapping[str, str] | None = None
) -> Trained:
    """Learn from the rows of some families, and score on rows of another; formulas are scored on the same rows.

    First the noise gate: unless sizes differ (`label.noise`), by at least `training.between` of the variance within a
    row, nothing is learned or scored: indistinguishable at this budget. Then the split (`split.split`): a family is
    kept away wholly and tested, and the model file holds what was learned from the others; or, held out `none`, every
    family is tested by what the others taught, and the file is fitted to all rows. The table then also has what folds
    of rows give, all families being known (`chosen_within`, `regret_within`): what is lost without the family.

    In tests a model learns from the replicates that name the best size, and the others score (`target.halves`); with
    fewer than four replicates the same ones do both, the column `apart` is 0, and regrets are too low for it, as the
    best mean is the best by luck too. The file is fitted to all replicates. `shuffled` lets rows change places under
    their labels first. `cores`: of the machine, for formulas. `made`: words for the model file.

    Raises UserError where a family or a size is not among the labels, or too few rows are.
    """
    found = noise(labelled)
    if not found.passed(training.between):
        return Trained(_stopped(found), None, {name: [] for name in COLUMNS})
    rows = subset(labelled, usable(labelled))
    if training.shuffled:
        rows = shuffled(rows, seed=seed)
    setting = Setting(training.policy, cores, seed)
    parts = split(rows, training.held_out, seed=seed)
    tested, scored = _scored(rows, parts, setting)
    more: dict[str, Sequence[object]] = {}
    if training.held_out == "none":
        _, within = _scored(rows, folds(rows, seed=seed), setting)
        more = {"chosen_within": within.chosen.tolist(), "regret_within": within.regret.tolist()}
    source = rows if training.held_out == "none" else subset(rows, parts[0].train)
    model = _file(source, setting, made or {}) if setting.learns else None
    metrics = _metrics(scored, found) | {
        "rows_trained": float(len(source.rows)) if setting.learns else 0.0,
        "model_bytes": None if model is None else float(len(model)),
    }
    return Trained(metrics, model, _table(subset(rows, tested), scored, more))


def shuffled(labelled: Labelled, *, seed: int) -> Labelled:
    """Return rows whose labels (p95 and stability) changed places; features and families stay: the null arm."""
    order = generator(seed, "threadpool", "shuffled").permutation(len(labelled.rows))
    return replace(labelled, p95_s=labelled.p95_s[order], stable=labelled.stable[order])


def learned(labelled: Labelled, setting: Setting, *, replicates: Sequence[int] | None = None) -> Chooser:
    """Return the policy: learned from these rows and replicates (None: all), or the formula, which reads none."""
    if setting.learns:
        return fit(setting.policy.kind, labelled, seed=setting.seed, replicates=replicates)
    return known.chooser(setting.policy, cores=setting.cores)


def tests(labelled: Labelled, parts: Sequence[Part], setting: Setting) -> list[tuple[Chooser, Integers]]:
    """Return for each part the policy that its training rows gave, and the places of the rows that test it."""
    naming = halves(labelled).naming
    return [(learned(subset(labelled, part.train), setting, replicates=naming), part.test) for part in parts]


def _scored(labelled: Labelled, parts: Sequence[Part], setting: Setting) -> tuple[Integers, Score]:
    """Return the places of the tested rows, ascending, and their scores."""
    found = []
    for chooser, places in tests(labelled, parts, setting):
        rows = subset(labelled, places)
        found.append((places, score(chooser, rows.features, yardstick(rows), setting.policy)))
    return np.sort(np.concatenate([places for places, _ in found])), joined(found)


def _file(labelled: Labelled, setting: Setting, made: Mapping[str, str]) -> bytes:
    """Return the model file of what these rows teach with all their replicates."""
    return dump(replace(fit(setting.policy.kind, labelled, seed=setting.seed), made=dict(made)))


def _metrics(scored: Score, found: Noise) -> Metrics:
    known = scored.in_best[~np.isnan(scored.in_best)]
    return {
        "regret_mean": float(scored.regret.mean()),
        "regret_p95": float(np.quantile(scored.regret, 0.95)),
        "regret_max": float(scored.regret.max()),
        "in_best_share": float(known.mean()) if len(known) else None,
        "unstable_share": float(scored.unstable.mean()),
        "between_share": found.between_share,
        "rows_tested": float(len(scored.regret)),
    }


def _stopped(found: Noise) -> Metrics:
    """Return the metrics of a training that the noise gate stopped: nothing but what the gate saw."""
    metrics: Metrics = dict.fromkeys(GROUPS["training"])
    metrics["between_share"] = None if np.isnan(found.between_share) else found.between_share
    return metrics | {"rows_trained": 0.0, "rows_tested": 0.0}


def _table(labelled: Labelled, scored: Score, more: Mapping[str, Sequence[object]]) -> dict[str, Sequence[object]]:
    """Return the raw table `choices` of the rows that were tested."""
    columns = (
        labelled.rows.tolist(),
        [FAMILIES[number] for number in labelled.family.tolist()],
        scored.chosen.tolist(),
        scored.best.tolist(),
        scored.regret.tolist(),
        [None if np.isnan(one) else bool(one) for one in scored.in_best.tolist()],
        scored.unstable.tolist(),
        scored.lost.tolist(),
        [halves(labelled).apart] * len(labelled.rows),
    )
    return {**dict(zip(COLUMNS, columns, strict=True)), **more}
