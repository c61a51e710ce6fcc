"""The system `threadpool`: its parameters, its metrics, and how its trials run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from fairtrial.contract.system import Context
from fairtrial.model.figure import Section
from fairtrial.model.run import Measurements
from fairtrial.model.study import Metric
from fairtrial.systems.threadpool import parameters as given
from fairtrial.systems.threadpool.metrics import METRICS, measured

ENGINES = ("simulated", "real", "analytic")
RATE_PER_S = 2e6
"""Tasks that are simulated a second, about: for forecasts."""


class ThreadPool:
    """Pools of threads: simulated, real, in formulas; which size is best, and who can tell."""

    name = "threadpool"
    version = "1"
    Parameters = given.Parameters
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    studies = Path(__file__).parent / "studies"
    batchable: ClassVar[frozenset[str]] = frozenset({"pool.workers", "telemetry.row"})
    batch_limit = 280

    def measured(self, base: Mapping[str, Any]) -> frozenset[str]:
        """Return what the modes and engines have in common with these parameters; all engines where none is named."""
        machine = base.get("machine")
        costs = isinstance(machine, Mapping) and bool(machine.get("measured"))
        engines = (str(base["engine"]),) if base.get("engine") in ENGINES else ENGINES
        return _measured(str(base.get("mode", "run")), engines, row="telemetry" in base, costs=costs)

    def timed(self, base: Mapping[str, Any]) -> bool:
        """Say that a study runs alone where it takes real time: native threads, or costs measured here."""
        return self.alone(base)

    def alone(self, parameters: Mapping[str, Any]) -> bool:
        """Say whether a trial takes real time, so that it has a process and the machine to itself."""
        machine = parameters.get("machine")
        return parameters.get("engine") == "real" or (isinstance(machine, Mapping) and bool(machine.get("measured")))

    def require(self, parameters: given.Parameters) -> None:
        """Raise MissingPart without numba, a C compiler or scikit-learn where they are needed; UserError for cores."""
        from fairtrial.systems.threadpool.needs import require

        require(parameters)

    def input_digests(self, parameters: given.Parameters) -> Mapping[str, str]:
        """Return the digest of a trace of arrivals."""
        from fairtrial.model.identity import digest_bytes
        from fairtrial.systems.threadpool.needs import trace

        file = parameters.load.arrivals.trace
        return {} if file is None else {"trace": digest_bytes(trace(file)).hex()}

    def cost_s(self, parameters: given.Parameters) -> float:
        """Return the seconds that a trial takes, about."""
        if parameters.mode == "train":
            return 5.0
        if parameters.engine == "real":
            return 1.0 + parameters.tasks / parameters.load.arrivals.rate_per_s
        return parameters.tasks / RATE_PER_S

    def run(self, parameters: given.Parameters, context: Context) -> Mapping[str, float | None]:
        """Do one trial. Raises UserError for inputs that are missing or wrong."""
        return self.run_many([parameters], [context])[0]

    def run_many(
        self, parameters: Sequence[given.Parameters], contexts: Sequence[Context]
    ) -> Sequence[Mapping[str, float | None]]:
        """Do the trials one after the other; neighbours share what they have in common (tasks, a row's workload)."""
        from fairtrial.systems.threadpool.stage import Stage
        from fairtrial.systems.threadpool.trial import run

        stage = Stage()
        stage.simulate(parameters, contexts)
        return [
            {**dict.fromkeys(_every(one)), **run(one, context, stage)}
            for one, context in zip(parameters, contexts, strict=True)
        ]

    def conclude(self, measured: Measurements, tables: Callable[[str], Any]) -> Sequence[Section]:
        """Return what this system says of a run: landscapes, labels, regret, how models and reality differ."""
        from fairtrial.systems.threadpool.conclude.sections import sections

        return sections(measured, tables)


def _measured(mode: str, engines: Sequence[str], *, row: bool, costs: bool) -> frozenset[str]:
    return frozenset().union(*(measured(mode, engine, row=row, costs=costs) for engine in engines))


def _every(parameters: given.Parameters) -> frozenset[str]:
    """Return what any engine measures: in a study of several, what one of them lacks is undefined, not missing."""
    return _measured(parameters.mode, ENGINES, row=parameters.telemetry is not None, costs=parameters.machine.measured)
