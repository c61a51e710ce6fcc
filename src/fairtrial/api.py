"""The Python face: `Study(...).run()` gives a `Run` with its results as records and as a data frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fairtrial.contract.registry import Registry
from fairtrial.flow.declare import Declared, Source, Survey, declare, survey
from fairtrial.model.finding import ConditionFinding
from fairtrial.model.progress import Progress
from fairtrial.model.run import Measurements, TrialRow

if TYPE_CHECKING:
    import polars as pl


class Run:
    """A run in a book: everything is read when it is asked for."""

    def __init__(self, number: int | None = None, *, folder: str | Path | None = None) -> None:
        from fairtrial.flow.read import runs

        self.folder = Path(folder) if folder is not None else None
        rows, _ = runs(self.folder)
        self.number: int = rows[0].number if number is None else number
        self.state = ""
        self.exit_code: int | None = None

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

        return export(self.folder, self.number, Path(folder), formats)


class Study:
    """A study in Python: the words of a study file as keyword arguments, or `Study.read(file)`.

    `system` may be a function (its module must be importable), an instance of a system's class, or what a study file
    says. `plugins` (kind -> name -> object) adds engines, strategies and systems by name.
    """

    def __init__(self, *, plugins: Mapping[str, Mapping[str, Any]] | None = None, **document: Any) -> None:
        self._plugins = {kind: dict(names) for kind, names in (plugins or {}).items()}
        self._source = Source(document=self._named(document))

    @classmethod
    def read(cls, file: str | Path, *overrides: str) -> Self:
        """Read a study file, with overrides as on the command line."""
        made = cls()
        made._source = Source(file=Path(file), overrides=overrides)
        return made

    def _named(self, document: dict[str, Any]) -> dict[str, Any]:
        system = document.get("system")
        if callable(system) and not isinstance(system, type) and not hasattr(system, "Parameters"):
            return {**document, "system": {"python": _reference(system)}}
        if system is not None and not isinstance(system, str | Mapping):
            self._plugins.setdefault("system", {})[system.name] = system
            return {**document, "system": system.name}
        return document

    @property
    def registry(self) -> Registry:
        """Return where this study's names are looked up."""
        return Registry(self._plugins)

    def declare(self, *, folder: str | Path | None = None) -> Declared:
        """Read and check it. Raises SpecError and UnknownName."""
        return declare(self._source, registry=self.registry, home=_path(folder))

    def plan(self, *, folder: str | Path | None = None, only: str | None = None, limit: int | None = None) -> Survey:
        """Say what `run` would do; writes nothing."""
        declared = self.declare(folder=folder)
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
        quiet: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Run:
        """Run what is left, and return the run; `folder` is where the book is looked for (the current one)."""
        from fairtrial.flow.run import Order, run

        order = Order(only=only, limit=limit, fresh=fresh, engine=engine, why=why, command=("fairtrial.Study.run",))
        ended = run(
            self.declare(folder=folder),
            registry=self.registry,
            home=_path(folder),
            order=order,
            on_progress=on_progress if on_progress or quiet else None,
        )
        made = Run(ended.run.number, folder=folder)
        made.state, made.exit_code = ended.state, ended.exit_code
        return made


def _path(folder: str | Path | None) -> Path | None:
    return Path(folder) if folder is not None else None


def _reference(function: Callable[..., Any]) -> str:
    module = function.__module__
    if module == "__main__":
        import __main__

        file = getattr(__main__, "__file__", None)
        return f"{Path(file).resolve()}:{function.__qualname__}" if file else f"__main__:{function.__qualname__}"
    return f"{module}:{function.__qualname__}"
