"""What happens in the process of one trial, from the fork to its end."""

# ruff: noqa: PTH100, PTH103, PTH109, PTH120, S606
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal's own functions make enums of every number
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from fairtrial.execute.machine import limits
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.context import Channel, TrialContext, scratch_path
from fairtrial.execute.trial.wire import Frames, Record, Wire

CRASHED = 70
"""EX_SOFTWARE: our own code in the trial's process failed; its traceback is on the trial's stderr."""
BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from fairtrial.execute.{} import main; main(sys.argv[2:])"


class Stop:
    """What SIGTERM does to a function: it notes the wish, and the next step ends the trial.

    The parent of trials installs it once (and blocks the signal), so that children only need to unblock.
    """

    def __init__(self) -> None:
        self.wanted = False
        _signal.signal(_signal.SIGTERM, self)

    def __call__(self, number: int, frame: Any) -> None:
        """Take note."""
        self.wanted = True


class SocketChannel:
    """Steps over the results' socket; the answer of a strategy over a descriptor of the trial's own."""

    def __init__(self, wire: Wire | Frames, stop: Stop, answers: int | None = None) -> None:
        self.wire, self._stop, self._answers = wire, stop, answers
        self.ended = False
        """A signal ended the trial, not a strategy."""

    def step(self, attempt: int, step: int, metrics: Mapping[str, float | None]) -> bool:
        """Send a step; wait for the answer where a strategy watches."""
        self.wire.send([["step", attempt, step, metrics]])
        if self._answers is not None and os.read(self._answers, 1) != b"g":
            return True
        self.ended = self._stop.wanted
        return self.ended


def unblock_signals() -> None:
    """Let signals through."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def run_function(load: Callable[[], Any], job: Mapping[str, Any], *, root: str, channel: Channel) -> list[Record]:
    """Run a job in this process; return the records that tell its result."""
    before = limits.pages()
    answer = worker.perform(load, job, root=root, channel=channel)
    answer["p"] = limits.grown_bytes(before)
    answer["w"] = time.monotonic() - job["began"]
    return [["result", job["id"], answer]]


def become_program(load: Callable[[], Any], job: Mapping[str, Any], *, root: str, channel: SocketChannel) -> NoReturn:
    """Replace this process by the job's program; a failure to do so is the trial's result."""
    attempt, seed, parameters = job["m"][0]
    try:
        context = TrialContext(attempt, seed, job=job, root=root, channel=channel)
        environment = program_environment(job, root)
        launch = load().prepare(parameters, context)
        unblock_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.chdir(launch.folder or job["folder"] or os.getcwd())
        os.execvpe(launch.argv[0], list(launch.argv), environment | dict(launch.env))
    except BaseException as problem:  # noqa: BLE001 a trial's failure is data, whatever it is
        result = worker.failed(problem)
        if isinstance(problem, OSError):
            result["e"] = worker.one_line(f"cannot start the program: {problem}")
        channel.wire.send([["result", job["id"], {"r": [result]}]])
    os._exit(0)


def program_environment(job: Mapping[str, Any], root: str) -> dict[str, str]:
    """Return the environment of a command: seed, attempt, and where it may leave steps and metrics."""
    attempt, seed, _ = job["m"][0]
    scratch = scratch_path(root, attempt)
    os.makedirs(scratch, exist_ok=True)
    return dict(os.environ) | {
        "FAIRTRIAL_SEED": str(seed),
        "FAIRTRIAL_TRIAL": str(attempt),
        "FAIRTRIAL_STEPS": job["steps"],
        "FAIRTRIAL_OUT": f"{scratch}/metrics.json",
        "FAIRTRIAL_SCRATCH": scratch,
    }


def become_interpreter(config: str, job_file: str, wire: Wire, answers: int | None) -> NoReturn:
    """Replace this process by a fresh interpreter that runs the job in `job_file`."""
    for descriptor in (wire.descriptor, *([] if answers is None else [answers])):
        os.set_inheritable(descriptor, True)  # noqa: FBT003
    arguments = [config, job_file, str(wire.descriptor), "" if answers is None else str(answers)]
    unblock_signals()
    os.execv(sys.executable, [sys.executable, "-P", "-c", BOOT.format("trial.fresh"), package_root(), *arguments])


def package_root() -> str:
    """Say which folder must be on the import path for this package to be found."""
    folder = os.path.dirname(os.path.abspath(__file__))
    return os.path.dirname(os.path.dirname(os.path.dirname(folder)))


def leave(code: int) -> NoReturn:
    """End without the interpreter's own clean-up, which belongs to the parent; what was printed is written."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
