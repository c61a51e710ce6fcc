"""The contract of a system: five required members, and optional powers that the core asks for with isinstance."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from fairtrial.contract.journal import Ledger
from fairtrial.model.figure import Section
from fairtrial.model.ranking import Ranking, Readiness
from fairtrial.model.run import Measurements
from fairtrial.model.study import Metric


class Context(Protocol):
    """What a system's `run` is given beside its parameters."""

    seed: int
    """The trial's seed: the same for replicate k in every condition."""
    deadline: float | None
    """`time.monotonic()` at which the attempt will be killed; None without a limit."""
    inputs: Mapping[str, Path]
    """Input name -> the exported file."""

    def rng(self, stream: str = "main") -> Any:
        """Return a numpy Generator of the named stream, derived from the seed."""

    @property
    def scratch(self) -> Path:
        """A folder of the attempt's own, made on first use; what is not declared with `file` is dropped."""

    def log(self, step: int, **metrics: float) -> None:
        """Record one step of a series. Raises `Pruned` when a strategy stops the trial (let it pass)."""

    def table(self, name: str, frame: Any) -> None:
        """Keep raw records: a polars DataFrame, a mapping of columns, or a sequence of mappings (stored as Parquet)."""

    def file(self, path: str | Path, name: str | None = None) -> None:
        """Keep a file as an artifact (content-addressed; name is its path's last part unless given)."""

    def resource(self) -> Any:
        """Return the JSON handle that `setup` made for this run or condition; None without a shared resource."""


class Pruned(BaseException):
    """A strategy stopped the trial. A BaseException, so that `except Exception` in a trial does not swallow it."""


@runtime_checkable
class System(Protocol):
    """The thing under study."""

    name: str
    version: str
    Parameters: type[Any]
    """A pydantic model with `extra='forbid'`; its dump in JSON mode is what enters identity."""
    metrics: Mapping[str, Metric]
    """What it measures; may be empty where only the study knows."""

    def run(self, parameters: Any, context: Context) -> Mapping[str, float]:
        """Measure: an instance of `Parameters` in, metrics out. Runs in the trial's process."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a worker loads in place of the system: importable without the rest, so that the forked parent stays lean.

    `entry` is 'module:attribute', called as `entry(config)`; it returns a Runner, or an Exec for commands.
    """

    entry: str
    config: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    """First on the import path; also the working folder of commands."""
    warm: tuple[str, ...] = ()
    """Modules that the parent imports before it forks."""
    executes: bool = False
    """`entry` gives an Exec: the trial's process is replaced by a program."""


class Runner(Protocol):
    """What runs in the trial's process: JSON parameters in, metrics out."""

    def run(self, parameters: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
        """Measure."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to exec in the trial's process."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment."""
    folder: str = ""


class Exec(Protocol):
    """A target whose trials are programs. Both calls happen around the program, in slim processes of ours."""

    def prepare(self, parameters: Mapping[str, Any], context: Context) -> Launch:
        """Say what to exec, writing what it reads. Runs in the forked child, just before exec."""

    def collect(self, *, stdout_tail: bytes, scratch: Path | None) -> Mapping[str, Any]:
        """Read the metrics of a program that exited 0 (64 kB of stdout's end). Raises BadResult without any."""


@runtime_checkable
class Ships(Protocol):
    """A system that gives the worker a leaner thing to load than itself."""

    def target(self) -> Target:
        """Say what the worker loads."""


@runtime_checkable
class Identified(Protocol):
    """A system with more to its identity than name and version (such as the digest of its source)."""

    def identity(self) -> Mapping[str, Any]:
        """Return JSON: part -> value. A part that changes makes results stale, and is named as the reason."""


@runtime_checkable
class ReadsInputs(Protocol):
    """A system whose parameters point at files: their digests enter the identity of a trial."""

    def input_digests(self, parameters: Any) -> Mapping[str, str]:
        """Return name -> hexadecimal digest for the files that these parameters read."""


@runtime_checkable
class Live(Protocol):
    """A system whose measurements can change without any parameter changing (a service)."""

    live: bool


@runtime_checkable
class Shares(Protocol):
    """A system with something expensive shared by the trials of a run or of a condition (a server, a model).

    `setup` runs in a keeper process of its own, under the same limits, and returns a JSON handle; the keeper lives
    until the last trial with the same key has ended, and then calls `teardown`, also after a trial crashed.
    """

    share_scope: str
    """'run' or 'condition'"""

    def share_key(self, parameters: Any) -> Any:
        """Return the JSON value that says which trials may share (for 'run' a constant); None: nothing needed."""

    def setup(self, parameters: Any, scratch: Path) -> Any:
        """Start it and wait until it is healthy; return a JSON handle."""

    def teardown(self, handle: Any) -> None:
        """Stop it."""


@runtime_checkable
class Tends(Protocol):
    """A system that can tell whether what its trials share still works; its keeper asks five times a second."""

    def ailing(self, handle: Any) -> str:
        """Say why the shared thing no longer works; '' while it does. Trials then fail as infra, and get a new one."""


@runtime_checkable
class Requires(Protocol):
    """A system that needs parts from outside: an extra, a server, a port."""

    def require(self, parameters: Any) -> None:
        """Check before anything starts. Raises MissingPart (exit 8) with the command that brings what is missing."""


@runtime_checkable
class Measures(Protocol):
    """A system whose metrics depend on its parameters: of those that it declares, a trial returns some."""

    def measured(self, base: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of the metrics of trials with these parameters (as written; what factors set may lack)."""


@runtime_checkable
class Times(Protocol):
    """A system whose metrics are times: trials side by side would measure each other."""

    def timed(self, base: Mapping[str, Any]) -> bool:
        """Say whether a study with these parameters is a timing study, unless it says `timing: false` itself."""


@runtime_checkable
class Constant(Protocol):
    """A system whose trials may measure what never changes: another replicate would say the same and prove nothing."""

    def constant(self, base: Mapping[str, Any]) -> str:
        """Say why replicates measure the same with these parameters (as written), and what to do; '' otherwise."""


@runtime_checkable
class Presets(Protocol):
    """A system that brings studies: `fairtrial run SYSTEM/NAME`."""

    studies: Path
    """The folder of its study files, NAME.yaml each."""


@runtime_checkable
class RunsMany(Protocol):
    """A system that runs several trials in one process when they differ only in `batchable` paths (or in the seed)."""

    batchable: frozenset[str]
    batch_limit: int

    def run_many(self, parameters: Sequence[Any], contexts: Sequence[Context]) -> Sequence[Mapping[str, float]]:
        """Measure all; one result each, in order. An exception sends every member back to run alone."""


@runtime_checkable
class RunsSome(RunsMany, Protocol):
    """A system that runs many trials in one process, and some by themselves (those that take real time)."""

    def alone(self, parameters: Mapping[str, Any]) -> bool:
        """Say whether a trial with these parameters (as JSON) must have a process of its own."""


@runtime_checkable
class EstimatesCost(Protocol):
    """A system that knows beforehand how long a trial takes."""

    def cost_s(self, parameters: Any) -> float:
        """Return the expected seconds of one trial."""


@runtime_checkable
class Realises(Protocol):
    """A system that measures what a manipulation really came to: reports set it beside what was asked for."""

    realised: Mapping[str, str]
    """Path of a factor -> name of the metric that says what was realised."""


@runtime_checkable
class Nulls(Protocol):
    """A system with an arm that must show no effect."""

    null: Mapping[str, Any]
    """Dotted path -> value: the settings of that arm."""


@runtime_checkable
class Bounds(Protocol):
    """A system that knows when the harness, and not the subject, is the bottleneck."""

    bound: Mapping[str, float]
    """Name of a metric -> the value from which on the harness limits: a knee there is its own."""


@runtime_checkable
class Overloads(Protocol):
    """A system that knows when a load was beyond its subject: what is measured there hangs on how long was waited."""

    overload: Mapping[str, float]
    """Name of a metric -> the value below which a trial was over-saturated: no curve is fitted through such levels."""


class Tables(Protocol):
    """The raw tables of a run, read as far as they are asked for: all requests of a load test need gigabytes."""

    def __call__(
        self, name: str, *, columns: Collection[str] | None = None, trials: Collection[int] | None = None
    ) -> Any:
        """Return a raw table as a polars DataFrame: of its own columns those named, of the run's trials those numbered.

        The columns `trial`, `variant`, `replicate` and one for each factor come before its own. A column that some
        trials kept and others did not is null there. Raises UnknownName where none of these trials kept such a table,
        and for a column that none has.
        """


@runtime_checkable
class Concludes(Protocol):
    """A system with findings of its own."""

    def conclude(self, measured: Measurements, tables: Tables) -> Sequence[Section]:
        """Return sections for the report, from the settled trials and its raw tables."""


@runtime_checkable
class Vouches(Protocol):
    """A system that has a say before a winner is promoted."""

    def vouch(self, parameters: Any, metrics: Mapping[str, float]) -> str:
        """Return why this winner must not be promoted; '' where nothing speaks against it."""


@runtime_checkable
class Ranks(Protocol):
    """A system that ranks the conditions of a run itself: it knows more of them than the mean of a metric."""

    def rank(self, ledger: Ledger, run: int) -> Ranking:
        """Say which condition leads and whether that may be believed, by all that the book holds.

        The winner of the run is then this leader, the verdict one of those that let a promotion pass, and the report
        has these sections in place of the general search for the best condition.
        """


@runtime_checkable
class Readies(Protocol):
    """A system that knows the configuration its winners run in: what goes where, and whether it can work there."""

    def ready(self, parameters: Any, metrics: Mapping[str, float], runtime: Mapping[str, Any]) -> Readiness:
        """Check a winner against a runtime configuration (as read); its parameters and the means of its metrics."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a system adds to a trial in another tracker, in the words of its field, beside what every trial has."""

    name: str = ""
    """Comes before `RUN.NUMBER` in the name of the trial's run there."""
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    """Path of an artifact there -> JSON, or text."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """Name of a raw table -> its path there, in the place of `tables/NAME.parquet`."""


@runtime_checkable
class Mirrors(Protocol):
    """A system whose trials have names of their own in other people's trackers."""

    def mirror(self, study: str, parameters: Mapping[str, Any], metrics: Mapping[str, float | None]) -> Mirrored:
        """Say what to add for a settled trial (parameters as JSON; no metrics where it failed). The same each time."""
