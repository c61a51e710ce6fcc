"""Optuna as a sampler: its study lives in memory and is made anew, from the same asks and answers, on every start."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairtrial.contract.strategy import Opened, Plan, Space, Told
from fairtrial.errors import MissingPart, SpecError, nearest
from fairtrial.model.identity import stream_seed
from fairtrial.model.outcome import Status
from fairtrial.model.study import Direction, Metric, Study
from fairtrial.model.trial import Condition
from fairtrial.plan.bases import metric_of, whole
from fairtrial.plan.grid import refuse_options
from fairtrial.plan.picked import Noted
from fairtrial.plan.pruning import NOTE, OPTIONS, Judge, Rule, pruner
from fairtrial.plan.sampled import excluded
from fairtrial.plan.suggest import Chooser, outcome

SAMPLERS = ("tpe", "gp", "cmaes", "nsgaii", "random")
SEVERAL = ("tpe", "nsgaii", "random")
"""Samplers that take several objectives."""
TRIES = 50
"""Suggestions for one point before it is drawn at random, and draws before the rest is looked through."""
_OPTIONS = ("sampler", "batch", "startup", "population", "metric", "metrics", "pruner")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a search is asked for."""

    n: int
    batch: int
    sampler: str
    words: Mapping[str, Any]
    """Of the sampler itself."""
    metrics: tuple[Metric, ...]


class Optuna:
    """A search by one of Optuna's samplers: n conditions, in batches that are asked for together."""

    name = "optuna"
    asynchronous = False
    learns = True

    def open(self, space: Space, options: Mapping[str, Any]) -> Opened:
        """Start on a space. Raises SpecError for options, MissingPart without Optuna or what a sampler needs."""
        study = space.study
        refuse_options(self.name, options, _OPTIONS)
        settings = _settings(study, options)
        optuna = _optuna(settings.sampler)
        chosen = options.get("pruner")
        if chosen is None:
            return Search(space, settings, optuna)
        if len(settings.metrics) > 1:
            message = "trials are stopped early by one metric, and this search has several"
            raise SpecError(message, file=study.file, path="design.pruner", hint="remove pruner")
        return Watched(Search(space, settings, optuna), *_pruner(study, chosen))


class Search:
    """A search at work."""

    def __init__(self, space: Space, settings: Settings, optuna: Any) -> None:
        self._space, self._settings, self._optuna = space, settings, optuna
        self._chooser = Chooser(space.study)
        directions = [metric.direction.value for metric in settings.metrics]
        self._study = optuna.create_study(directions=directions, sampler=optuna.samplers.RandomSampler(0))
        self._names = tuple(metric.name for metric in settings.metrics)
        self._batch = 0
        self._known: set[bytes] = set()
        """Digests of the first replicate of each condition that was asked for."""
        self._pending: list[tuple[Any, Condition]] = []
        self._included = [space.condition(one.variant, one.assignment) for one in space.study.include]
        self._refused: SpecError | None = None

    def ask(self) -> Plan | None:
        """Return the next batch of conditions, those that the study includes first; None at the end."""
        by_hand = self._batch == 0 and bool(self._included)
        self._batch += 1
        self._pending = self._by_hand() if by_hand else self._points()
        if self._pending:
            return self._space.fixed([condition for _, condition in self._pending])
        if self._refused is not None and not self._known:
            raise self._refused
        return None

    def tell(self, told: Sequence[Told]) -> None:
        """Hear what came of the last batch: means over replicates; a condition that failed has no value."""
        found: dict[bytes, list[Told]] = {}
        for one in told:
            found.setdefault(one.trial.condition.digest, []).append(one)
        for trial, condition in self._pending:
            if trial is not None:
                self._tell(trial, found.get(condition.digest, []))
        self._pending = []

    def _tell(self, trial: Any, rows: Sequence[Told]) -> None:
        states = self._optuna.trial.TrialState
        results = [row.metrics if row.status == Status.DONE else None for row in rows]
        values = outcome(results, self._names, self._space.study.completeness)
        if any(row.status == Status.PRUNED for row in rows) and len(self._names) == 1:
            self._study.tell(trial, state=states.PRUNED)
        elif values is None:
            self._study.tell(trial, state=states.FAIL)
        else:
            self._study.tell(trial, values)

    def _by_hand(self) -> list[tuple[Any, Condition]]:
        return [(None, condition) for condition in self._included if self._is_new(condition)]

    def _points(self) -> list[tuple[Any, Condition]]:
        """Ask for new points: of a sampler that is seeded anew for each batch, so that a resume needs no state."""
        optuna, settings, found = self._optuna, self._settings, []
        room = settings.n + len(self._included) - len(self._known)
        seed = stream_seed(self._space.study.seed, f"optuna/{self._batch}") % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study.sampler = sampler(optuna, settings, seed)
            for place in range(min(room, settings.batch)):
                point = self._suggested() or self._drawn(seed + place) or self._unseen()
                if point is None:
                    break
                found.append(point)
        return found

    def _drawn(self, seed: int) -> tuple[Any, Condition] | None:
        """Draw at random where the sampler only repeats itself."""
        before = self._study.sampler
        self._study.sampler = self._optuna.samplers.RandomSampler(seed)
        point = self._suggested()
        self._study.sampler = before
        return point

    def _suggested(self) -> tuple[Any, Condition] | None:
        """Return a point that is new, allowed and accepted; what is not counts as failed, and is asked for again."""
        for _ in range(TRIES):
            trial = self._study.ask()
            arm, assignment = self._chooser.point(trial)
            condition = None
            if not excluded(self._space.study, arm, assignment):
                condition = self._accepted(arm.name, assignment)
            if condition is not None and self._is_new(condition):
                return trial, condition
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        return None

    def _accepted(self, variant: str, assignment: Mapping[str, Any]) -> Condition | None:
        try:
            return self._space.condition(variant, assignment)
        except SpecError as problem:
            self._refused = problem
            return None

    def _unseen(self) -> tuple[Any, Condition] | None:
        """Look through what is left of a space without intervals; it is measured, and the sampler does not hear."""
        study = self._space.study
        if any(factor.levels is None for variant in study.variants for factor in study.all_factors(variant)):
            return None
        plan = self._space.grid()
        for block in plan.blocks():
            for place, digest in enumerate(block.digests, block.start):
                if digest not in self._known and self._is_new(condition := plan.trial(place).condition):
                    return None, condition
        return None

    def _is_new(self, condition: Condition) -> bool:
        """Say whether a condition was never asked for, and remember it."""
        digest = self._space.trial(condition, 0).digest
        new = digest not in self._known
        self._known.add(digest)
        return new


class Watched(Judge):
    """A search whose trials are stopped early."""

    def __init__(self, search: Search, rule: Rule, metric: str) -> None:
        super().__init__(rule, metric)
        self._search = search
        self.tell = search.tell

    def ask(self) -> Plan | None:
        """Return the next batch of conditions; None at the end."""
        plan = self._search.ask()
        return None if plan is None else Noted(plan, NOTE)


def sampler(optuna: Any, settings: Settings, seed: int) -> Any:
    """Make a sampler with a seed."""
    made = {
        "tpe": lambda words: optuna.samplers.TPESampler(constant_liar=True, **words),
        "gp": lambda words: optuna.samplers.GPSampler(**words),
        "cmaes": lambda words: optuna.samplers.CmaEsSampler(warn_independent_sampling=False, **words),
        "nsgaii": lambda words: optuna.samplers.NSGAIISampler(**words),
        "random": lambda words: optuna.samplers.RandomSampler(**words),
    }
    return made[settings.sampler]({"seed": seed, **settings.words})


def _settings(study: Study, options: Mapping[str, Any]) -> Settings:
    n, kind = study.design.n, options.get("sampler", SAMPLERS[0])
    if n is None:
        hint = "design: {kind: optuna, n: 100}"
        raise SpecError("design optuna needs n, the number of conditions", file=study.file, path="design", hint=hint)
    if kind not in SAMPLERS:
        hint = nearest(str(kind), SAMPLERS)
        raise SpecError(f"unknown sampler {kind!r}", file=study.file, path="design.sampler", hint=hint)
    words: dict[str, Any] = {}
    if "startup" in options and kind in ("tpe", "gp", "cmaes"):
        words["n_startup_trials"] = whole(study, options, "startup", 10, least=0 if kind == "tpe" else 1)
    elif "startup" in options:
        raise SpecError(f"sampler {kind} has no startup", file=study.file, path="design.startup")
    if kind == "nsgaii":
        words["population_size"] = whole(study, options, "population", 20, least=2)
    elif "population" in options:
        raise SpecError(f"sampler {kind} has no population", file=study.file, path="design.population")
    return Settings(n, whole(study, options, "batch", 1), kind, words, _objectives(study, options, kind))


def _objectives(study: Study, options: Mapping[str, Any], kind: str) -> tuple[Metric, ...]:
    """Return the metrics to optimise: those that are named; else all with a direction for NSGA-II, else the first."""
    given = options.get("metrics")
    if given is None and (kind != "nsgaii" or "metric" in options):
        return (metric_of(study, options),)
    directed = [metric.name for metric in study.metrics if metric.direction is not Direction.NONE]
    names = directed if given is None else given
    if not isinstance(names, list | tuple) or not names or len(set(map(str, names))) < len(names):
        raise SpecError("metrics is a list of names", file=study.file, path="design.metrics", hint=", ".join(directed))
    chosen = tuple(metric_of(study, {"metric": name}) for name in names)
    if len(chosen) > 1 and kind not in SEVERAL:
        hint = f"sampler: {' | '.join(SEVERAL)}, or one metric"
        raise SpecError(f"sampler {kind} takes one metric", file=study.file, path="design.metrics", hint=hint)
    return chosen


def _pruner(study: Study, given: Any) -> tuple[Rule, str]:
    """Read `pruner: median`, or `pruner: {kind: median, startup: 5}`."""
    words = dict(given) if isinstance(given, Mapping) else {"kind": given}
    kind = str(words.pop("kind", "median"))
    refuse_options(f"optuna: pruner {kind}", words, ("metric", *OPTIONS.get(kind, ())))
    return pruner(study, kind, words)


def _optuna(kind: str) -> Any:
    """Import Optuna and what a sampler needs. Raises MissingPart with the command that brings it."""
    from importlib.util import find_spec

    needs = {"gp": "torch", "cmaes": "cmaes"}.get(kind, "optuna")
    for part in ("optuna", needs):
        if find_spec(part) is None:
            hint = "pip install torch" if part == "torch" else "pip install 'fairtrial[optuna]'"
            raise MissingPart(f"design optuna with sampler {kind} needs {part}", hint=hint)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
