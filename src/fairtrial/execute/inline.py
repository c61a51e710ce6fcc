"""Engine `inline`: every trial in this very process, one after the other, so that a debugger works.

Nothing is isolated: of the limits only a command's wall clock is held, and what a function prints goes to the terminal.
A trial whose steps a strategy judges runs in a thread, because the driver must answer while it waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from threading import Thread

from fairtrial.contract.engine import Ended, EngineSettings, Report, Session, Stepped
from fairtrial.contract.system import System, Target
from fairtrial.errors import FairtrialError
from fairtrial.execute.bench import Bench
from fairtrial.execute.tree.ending import Exit, ended
from fairtrial.model.trial import Task

KILL_S = 2.0
"""How long a trial in a thread, which nobody can kill, is waited for."""


class Inline:
    """The engine."""

    name = "inline"

    def open(self, system: System, target: Target, settings: EngineSettings) -> Session:
        """Start: nothing needs to be there."""
        return InlineSession(system, target, settings)


class Steps:
    """The channel of the task at hand: reports go to a queue, answers come back through another."""

    def __init__(self, reports: SimpleQueue[Report], *, watched: bool) -> None:
        self.answers: SimpleQueue[bool] = SimpleQueue()
        self.why = ""
        self._reports, self._watched = reports, watched

    def step(self, attempt: int, step: int, metrics: Mapping[str, float | None]) -> bool:
        """Report a step; wait for the answer where a strategy watches."""
        self._reports.put(Stepped(attempt, step, metrics))
        if self._watched and not self.why:
            return self.answers.get() or bool(self.why)
        return bool(self.why)

    def stop(self, why: str) -> None:
        """Ask the trial to stop at its next step."""
        self.why = self.why or why
        self.answers.put(True)  # noqa: FBT003


class InlineSession:
    """One task at a time, run inside `poll`."""

    def __init__(self, system: System, target: Target, settings: EngineSettings) -> None:
        self.cautions: tuple[str, ...] = ()
        self._executes = target.executes
        self._work = Bench(system, target, settings)
        self._queue: deque[Task] = deque()
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._thread: Thread | None = None
        self._current: tuple[Task, Steps] | None = None
        self._refusal: FairtrialError | None = None

    def room(self) -> int:
        """Return how many more tasks it takes now."""
        return 0 if self._queue or self._current else 1

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._caution(task)
        self._queue.append(task)

    def _caution(self, task: Task) -> None:
        """Say which of a task's limits nobody holds here."""
        asked = {
            "limits.memory": task.memory_bytes is not None,
            "limits.wall": task.wall_s is not None and not self._executes,
        }
        unheld = [name for name, limited in asked.items() if limited]
        if unheld:
            self.cautions = (f"engine inline does not hold {' and '.join(unheld)}",)

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """Run the next task, or wait for the one whose steps are judged; return what happened.

        Raises UserError or MissingPart where what trials share cannot be set up.
        """
        if self._current is None and self._queue:
            self._start(self._queue.popleft())
        found: list[Report] = []
        try:
            found.append(self._reports.get(block=self._current is not None, timeout=max(0.0, timeout_s)))
            while True:
                found.append(self._reports.get_nowait())
        except Empty:
            pass
        if self._refusal is not None:
            raise self._refusal
        if any(isinstance(report, Ended) and report.task == self._at_hand() for report in found):
            self._current = None
        return found

    def stop(self, task: int, reason: str) -> None:
        """End a task that waits; one that runs stops at its next step, a program at once."""
        for waiting in [one for one in self._queue if one.id == task]:
            self._queue.remove(waiting)
            self._reports.put(ended(waiting, None, Exit(why=reason), program=False))
        if self._current is not None and self._at_hand() == task:
            self._current[1].stop(reason)

    def answer(self, attempt: int, step: int, *, stop: bool) -> None:
        """Answer a watched member's step."""
        if self._current is not None:
            self._current[1].answers.put(stop)

    def resize(self, jobs: int) -> None:
        """One task runs at a time, whatever is asked for."""

    def fileno(self) -> int | None:
        """There is no descriptor to wait on: `poll` works itself."""
        return None

    def slot_paths(self, task: int) -> tuple[str, str]:
        """Return where a running command's stdout and stderr are being written."""
        return self._work.slot_paths()

    def close(self, *, kill: bool) -> None:
        """End. May be called twice."""
        if self._current is not None:
            self._current[1].stop("cancelled")
        if self._thread is not None:
            self._thread.join(KILL_S if kill else None)
        self._work.close()

    def _at_hand(self) -> int:
        return self._current[0].id if self._current else -1

    def _start(self, task: Task) -> None:
        steps = Steps(self._reports, watched=task.watched)
        self._current = (task, steps)
        if not task.watched:
            self._reports.put(self._work.started(task))
            try:
                self._reports.put(self._work.run(task, steps))
            except KeyboardInterrupt:
                self._current = None
                raise
            return
        self._reports.put(self._work.started(task))

        def run() -> None:
            try:
                self._reports.put(self._work.run(task, steps))
            except FairtrialError as problem:
                self._refusal = problem

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()
