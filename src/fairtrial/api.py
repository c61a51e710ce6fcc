"""The Python face: `Study(...).run()` gives a `Run` with its results as records and as a data frame."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fairtrial.contract.registry import Registry
from fairtrial.errors import FairtrialError, UserError
from fairtrial.flow.declare import Source, Survey, declare, survey
from fairtrial.flow.declared import Declared
from fairtrial.model.finding import ConditionFinding
from fairtrial.model.progress import Progress
from fairtrial.model.run import Measurements, TrialRow

if TYPE_CHECKING:
    import polars as pl

    from fairtrial.flow.confirm import Confirmed
    from fairtrial.model.choice import ClaimFinding, OptimumFinding, SearchFinding


class Measured:
    """What a run measured: everything is read when it is asked for."""

    def __init__(
        self,
        number: int | None = None,
        *,
        folder: str | Path | None = None,
        plugins: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        from fairtrial.flow.book import reading

        self.folder = Path(folder) if folder is not None else None
        with _plainly(), reading(self.folder) as book:
            self.number: int = book.ledger.run(number).number
        self.state = ""
        self.exit_code: int | None = None
        self._plugins = plugins

    def __repr__(self) -> str:
        return f"Run({self.number})"

    def measurements(self) -> Measurements:
        """Return the settled trials, columnar."""
        from fairtrial.flow.book import reading

        with reading(self.folder) as book:
            return book.ledger.measurements(self.number)

    def frame(self) -> pl.DataFrame:
        """Return the settled trials as a polars DataFrame: factors, replicate, seed, status, metrics, usage."""
        from fairtrial.track.frame import frame

        return frame(self.measurements())

    def records(self) -> list[dict[str, Any]]:
        """Return the settled trials as a list of flat mappings."""
        return self.frame().to_dicts()

    def trials(self, *, status: str | None = None) -> Sequence[TrialRow]:
        """Return the trials with their failures."""
        from fairtrial.flow.book import reading

        with reading(self.folder) as book:
            return book.ledger.trials(self.number, status=status)

    def conditions(self) -> Sequence[ConditionFinding]:
        """Return the conditions, best first, with mean and interval of each metric."""
        from fairtrial.flow.read import run_view

        return run_view(self.folder, self.number, limit=0).findings

    def export(self, folder: str | Path, *, formats: Sequence[str] = ("parquet", "csv", "json")) -> list[Path]:
        """Write trials, attempts, series and raw tables; return the files."""
        from fairtrial.flow.keep import export

        with _plainly():
            return export(self.folder, self.number, Path(folder), formats)

    def confirm(
        self, *, top: int | None = None, replicates: int | None = None, engine: str | None = None, why: str = ""
    ) -> Confirmed:
        """Measure the best conditions again on fresh seeds, in a run of their own, and return what is left of them.

        How many, and how often, says the study's `confirm` unless given. Raises UserError for an imported run.
        """
        from fairtrial.flow.confirm import confirm
        from fairtrial.flow.session import Order

        order = Order(verb="confirm", engine=engine, why=why, command=("fairtrial.Run.confirm",))
        with _plainly():
            registry = Registry(self._plugins)
            return confirm(self.folder, self.number, registry=registry, top=top, replicates=replicates, order=order)


class Run(Measured):
    """A run in a book, and what can be concluded from it. Each question may be answered "none" or "inconclusive".

    `metric` is the first with a direction, `factor` the only one whose levels are numbers, unless they are given. A
    question that is asked of each arm (`arm` names one) gives a tuple where there are several.
    """

    def effects(self, metric: str | None = None, *, factor: str | None = None, margin: float | None = None) -> Any:
        """Return what each factor does to a metric: an EffectsFinding (`model/effect.py`)."""
        return self._ask("effects", metric=metric, factor=factor, margin=margin)

    def threshold(
        self, metric: str | None = None, factor: str | None = None, *, arm: str | None = None, change: float = 0.5
    ) -> Any:
        """Return whether a metric has a step along a factor: a ThresholdFinding (`model/curve.py`)."""
        return self._ask("threshold", metric=metric, factor=factor, arms=_arms(arm), change=change)

    def optimum(self, metric: str | None = None, *, margin: float | None = None) -> OptimumFinding:
        """Return the conditions that cannot be told from the best."""
        found: OptimumFinding = self._ask("optimum", metric=metric, margin=margin)
        return found

    def saturation(
        self,
        metric: str | None = None,
        factor: str | None = None,
        *,
        arm: str | None = None,
        response: str | None = None,
        think_s: float = 0.0,
    ) -> Any:
        """Return where a metric stops growing (a SaturationFinding), and the range that keeps the study's `slo`."""
        return self._ask(
            "saturation", metric=metric, factor=factor, arms=_arms(arm), response=response, think_s=think_s
        )

    def scaling(self, metric: str | None = None, factor: str | None = None, *, arm: str | None = None) -> Any:
        """Return the law by which a metric improves with a size: a ScalingFinding."""
        return self._ask("scaling", metric=metric, factor=factor, arms=_arms(arm))

    def crossover(
        self, metric: str | None = None, factor: str | None = None, *, arms: tuple[str, str] | None = None
    ) -> Any:
        """Return where the curves of two arms cross: a CrossoverFinding."""
        return self._ask("crossover", metric=metric, factor=factor, arms=arms or ())

    def mentions(
        self, keyword: str, *, factor: str | None = None, table: str | None = None, column: str | None = None
    ) -> Any:
        """Return the share of answers in a raw table that mention a word, for each level: a TextFinding."""
        return self._ask("text", keyword=keyword, factor=factor, table=table, column=column)

    def search(self, metric: str | None = None, *, top: int = 10, margin: float | None = None) -> SearchFinding:
        """Return the summary of a search."""
        found: SearchFinding = self._ask("search", metric=metric, top=top, margin=margin)
        return found

    def claims(self) -> tuple[ClaimFinding, ...]:
        """Return a verdict for each claim of the study's `expect:`."""
        from fairtrial.flow.analyse import analyse

        with _plainly():
            return tuple(analyse(self.folder, self.number, "claims"))

    def table(self, factor: str, metrics: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a row for each level of a factor: n, mean, sd, median, min, max of each metric, others averaged."""
        from fairtrial.flow.analyse import level_table

        with _plainly():
            made: pl.DataFrame = level_table(self.folder, self.number, factor, metrics)
        return made

    def report(self, folder: str | Path | None = None) -> str:
        """Return the report as Markdown; with a folder, write it there too, with HTML, plots and data."""
        from fairtrial.flow.report import document, markdown, publish

        with _plainly():
            if folder is not None:
                publish(self.folder, self.number, Path(folder), command=("fairtrial.Run.report",))
            return markdown(document(self.folder, self.number))

    def _ask(self, kind: str, **asked: Any) -> Any:
        from fairtrial.flow.analyse import Question, analyse

        with _plainly():
            found = tuple(analyse(self.folder, self.number, kind, Question(**asked)))
        return found[0] if len(found) == 1 else found


def _arms(arm: str | None) -> tuple[str, ...]:
    return () if arm is None else (arm,)


class Study:
    """A study in Python: the words of a study file as keyword arguments, or `Study.read(file)`.

    `system` may be a function (its module must be importable), an instance of a system's class, or what a study file
    says. `plugins` (kind -> name -> object) adds engines, strategies and systems by name.
    """

    def __init__(self, *, plugins: Mapping[str, Mapping[str, Any]] | None = None, **document: Any) -> None:
        self._plugins = {kind: dict(names) for kind, names in (plugins or {}).items()}
        self._function: Callable[..., Any] | None = None
        self._source = Source(document=self._named(document))

    @classmethod
    def read(cls, file: str | Path, *overrides: str) -> Self:
        """Read a study file, with overrides as on the command line."""
        made = cls()
        made._source = Source(file=Path(file), overrides=overrides)
        return made

    def _named(self, document: dict[str, Any]) -> dict[str, Any]:
        system = document.get("system")
        if isinstance(system, type) and hasattr(system, "Parameters"):
            system = system()
        if callable(system) and not hasattr(system, "Parameters"):
            self._function = system
            return {**document, "system": {"python": _reference(system)}}
        if system is not None and hasattr(system, "Parameters") and hasattr(system, "name"):
            self._plugins.setdefault("system", {})[system.name] = system
            return {**document, "system": system.name}
        return document

    @property
    def registry(self) -> Registry:
        """Return where this study's names are looked up."""
        return Registry(self._plugins)

    def declare(self, *, folder: str | Path | None = None) -> Declared:
        """Read and check it. Raises SpecError and UnknownName."""
        with _plainly():
            return declare(self._source, registry=self.registry, home=_path(folder))

    def plan(self, *, folder: str | Path | None = None, only: str | None = None, limit: int | None = None) -> Survey:
        """Say what `run` would do; writes nothing."""
        declared = self.declare(folder=folder)
        with _plainly():
            return survey(declared, registry=self.registry, home=_path(folder), only=only, limit=limit)

    def run(
        self,
        *,
        folder: str | Path | None = None,
        only: str | None = None,
        limit: int | None = None,
        fresh: bool = False,
        engine: str | None = None,
        why: str = "",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Run:
        """Run what is left, and return the run; `folder` is where the book is looked for (the current one).

        Failures of trials are in the run (`exit_code` 3, `Run.trials(status="failed")`). Raises SpecError and UserError
        for what is wrong with the study, StudyHeld where it is being run already.
        """
        from fairtrial.flow.run import run
        from fairtrial.flow.session import Listeners, Order

        order = Order(only=only, limit=limit, fresh=fresh, engine=engine, why=why, command=("fairtrial.Study.run",))
        _refuse_import(self._function)
        with _plainly():
            ended = run(
                self.declare(folder=folder),
                registry=self.registry,
                home=_path(folder),
                order=order,
                listeners=Listeners(on_progress=on_progress),
            )
        made = Run(ended.run.number, folder=folder, plugins=self._plugins)
        made.state, made.exit_code = ended.state, ended.exit_code
        return made


def _path(folder: str | Path | None) -> Path | None:
    return Path(folder) if folder is not None else None


class _plainly:  # noqa: N801 - read as a statement
    """Let errors that are no bug of ours through without the trace of our own calls."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if isinstance(problem, FairtrialError) and problem.exit_code != FairtrialError.exit_code:
            raise problem.with_traceback(None) from None


def _reference(function: Any) -> str:
    """Name a function so that workers can import it. Raises UserError for one that cannot be."""
    name = getattr(function, "__qualname__", "")
    if not name or "<lambda>" in name:
        raise UserError(
            f"{function!r} has no name that workers could import it by", hint="define it with `def` in a module"
        )
    if "<locals>" in name:
        raise UserError(f"{name} is defined inside another function", hint="define it at the top of its module")
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if function.__module__ == "__main__" or _elsewhere(function.__module__, file):
        if file is None or not Path(file).is_file():
            raise UserError(
                f"{name} stands in no file, so that workers cannot import it",
                hint="put it into a file beside the notebook, such as model.py, and import it from there",
            )
        return f"{Path(file).resolve()}:{name}"
    return f"{function.__module__}:{name}"


def _elsewhere(module: str, file: str | None) -> bool:
    """Say whether a module is a single file of another folder, which only this process has on its import path."""
    if file is None or "." in module or "site-packages" in Path(file).parts:
        return False
    return Path(file).resolve().parent != Path.cwd().resolve() and Path(file).name != "__init__.py"


def _refuse_import(function: Any) -> None:
    """Raise UserError where a module runs a study of its own function while it is imported: workers import it too."""
    module = sys.modules.get(getattr(function, "__module__", ""))
    if getattr(getattr(module, "__spec__", None), "_initializing", False):
        raise UserError(
            f"{function.__module__} runs its study while it is imported, and workers import it too",
            hint="put .run() below `if __name__ == '__main__':`",
        )
