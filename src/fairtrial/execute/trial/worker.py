"""The one path on which every engine runs trials: load a target, run it on a job, turn what comes back into records.

A job is a task as JSON: `{"id", "m": [[attempt, seed, parameters], …], "wall", "deadline", "inputs", "handle",
"watched", "timing"}`. The parent of trials imports this module, so it stays lean.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fairtrial.execute.trial.context import Channel, TrialContext, normal_metrics

if TYPE_CHECKING:
    from pathlib import Path

SPIN_ROUNDS = 200_000
MESSAGE_CHARACTERS = 500
DETAIL_CHARACTERS = 32_000
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of the system that say that there is no room for a file: the machine's failure, not the trial's."""

Result = dict[str, Any]
"""{"s": done | failed | pruned, "m": metrics, "k": failure class, "e": message, "d": detail, "p": produced}"""

ENDED: Result = {"s": "failed", "k": "infra", "e": "ended by SIGTERM", "d": ""}
"""Of a trial that heeded a signal: cancelled or pruned where we sent it; else somebody did, and no strategy."""


class Plugin:
    """The target of a plain system: its class by name, its parameters through its own pydantic model."""

    def __init__(self, config: Mapping[str, Any], system: Any = None) -> None:
        self.system = attribute(config["entry"])() if system is None else system
        if hasattr(self.system, "run_many"):
            self.run_many = self._run_many
        if hasattr(self.system, "ailing"):
            self.ailing = self.system.ailing

    def run(self, parameters: Mapping[str, Any], context: TrialContext) -> Any:
        """Measure one trial."""
        return self.system.run(self.system.Parameters.model_validate(parameters), context)

    def setup(self, parameters: Mapping[str, Any], scratch: Path) -> Any:
        """Start what trials share."""
        return self.system.setup(self.system.Parameters.model_validate(parameters), scratch)

    def teardown(self, handle: Any) -> None:
        """Stop what trials share."""
        self.system.teardown(handle)

    def _run_many(self, parameters: Sequence[Mapping[str, Any]], contexts: Sequence[TrialContext]) -> Any:
        return self.system.run_many([self.system.Parameters.model_validate(one) for one in parameters], contexts)


def loader(config: Mapping[str, Any], *, now: bool = False) -> Callable[[], Any]:
    """Return what makes a runner of a tree's configuration; `now` looks its entry up beforehand."""
    if now:
        entry, given = attribute(config["entry"]), config["config"]
        return lambda: entry(given)
    return lambda: attribute(config["entry"])(config["config"])


def sharer(runner: Any, system: Any) -> Any:
    """Return what sets up and tears down: the runner where it can, else the system itself."""
    return runner if hasattr(runner, "setup") else Plugin({}, system=system)


def attribute(entry: str) -> Any:
    """Import what 'module:attribute' names."""
    module, _, name = entry.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def set_import_path(folder: str, path: Sequence[str] | None = None) -> None:
    """Put the target's folder first on the import path (of the driver, where that is given)."""
    if path is not None:
        sys.path[:] = path
    if folder and folder not in sys.path[:1]:
        sys.path.insert(0, folder)


def perform(load: Callable[[], Any], job: Mapping[str, Any], *, root: str, channel: Channel) -> dict[str, Any]:
    """Load a runner and run a job's members with it.

    Returns {"r": one result each, "b": the batch failed, "spin": seconds of the fixed loop before and after}.
    """
    try:
        runner = load()
    except Exception as problem:  # noqa: BLE001 a trial's failure is data, whatever it is
        return {"r": [failed(problem) for _ in job["m"]], "b": len(job["m"]) > 1}
    contexts = [TrialContext(one[0], one[1], job=job, root=root, channel=channel) for one in job["m"]]
    before = spin_s() if job.get("timing") else None
    if len(contexts) == 1:
        answer: dict[str, Any] = {"r": [_one(runner, job["m"][0][2], contexts[0])]}
    else:
        answer = _many(runner, [one[2] for one in job["m"]], contexts)
    if before is not None:
        answer["spin"] = [before, spin_s()]
    if getattr(channel, "ended", False):
        answer["r"] = [ENDED if result["s"] == "pruned" else result for result in answer["r"]]
    return answer


def _one(runner: Any, parameters: Mapping[str, Any], context: TrialContext) -> Result:
    pid = os.getpid()
    try:
        result: Result = {"s": "done", "m": normal_metrics(runner.run(parameters, context))}
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # noqa: BLE001 a trial's failure is data, whatever it is
        result = failed(problem)
    if os.getpid() != pid:  # a process that the trial forked came back here in its place
        os._exit(0)
    return _finished(result, context)


def _many(runner: Any, parameters: Sequence[Any], contexts: Sequence[TrialContext]) -> dict[str, Any]:
    pid = os.getpid()
    try:
        returned = list(runner.run_many(parameters, contexts))
        if len(returned) != len(contexts):
            raise _bad(f"run_many returned {len(returned)} results for {len(contexts)} trials")
        results: list[Result] = [{"s": "done", "m": normal_metrics(one)} for one in returned]
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # noqa: BLE001 a trial's failure is data, whatever it is
        results = [failed(problem) for _ in contexts]
    if os.getpid() != pid:
        os._exit(0)
    results = [_finished(result, context) for result, context in zip(results, contexts, strict=True)]
    return {"r": results, "b": any(result["s"] != "done" for result in results)}


def _finished(result: Result, context: TrialContext) -> Result:
    try:
        context.finish()
    except OSError as problem:
        return failed(problem if problem.errno in FULL else _bad(f"a declared file is gone: {problem}"))
    if context.produced:
        result["p"] = context.produced
    return result


def failed(problem: BaseException) -> Result:
    """Turn what a trial raised into a result."""
    name = type(problem).__name__
    if _is_a(problem, "fairtrial.contract.system", "Pruned"):
        return {"s": "pruned", "m": {}}
    kind, message = "exception", f"{name}: {problem}"
    if isinstance(problem, MemoryError):
        kind = "oom"
    elif isinstance(problem, SystemExit):
        kind, message = ("exception" if problem.code else "bad_result"), f"the trial called sys.exit({problem.code!r})"
    elif _is_a(problem, "fairtrial.errors", "BadResult"):
        kind, message = "bad_result", str(problem)
    elif _is_a(problem, "fairtrial.errors", "Invalid"):
        kind, message = "invalid", str(problem)
    elif _is_a(problem, "fairtrial.errors", "ServiceFailed"):
        kind, message = "infra", str(problem)
    elif isinstance(problem, OSError) and problem.errno in FULL:
        kind, message = "infra", f"no room for {problem.filename or 'a file'}: {problem.strerror}"
    return {"s": "failed", "k": kind, "e": one_line(message), "d": _detail(problem)}


def one_line(text: str) -> str:
    """Bring a message onto one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_CHARACTERS else f"{line[:MESSAGE_CHARACTERS]}…"


def _is_a(problem: BaseException, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(problem, getattr(loaded, name))


def _detail(problem: BaseException) -> str:
    import traceback

    frames = problem.__traceback__
    frames = frames.tb_next if frames is not None and frames.tb_next is not None else frames
    text = "".join(traceback.format_exception(type(problem), problem, frames))
    return text[-DETAIL_CHARACTERS:]


def spin_s() -> float:
    """Time a fixed piece of CPU work: what the machine's speed was at this moment."""
    start, value = time.perf_counter(), 1
    for _ in range(SPIN_ROUNDS):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
    return time.perf_counter() - start


def _bad(message: str) -> Exception:
    from fairtrial.errors import BadResult

    return BadResult(message)
