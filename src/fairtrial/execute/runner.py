"""Between a plan and an engine: a driver's session, in which trials run, are recorded, and run again where they may."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from fairtrial.contract.engine import EngineSettings, Session
from fairtrial.contract.strategy import Watches
from fairtrial.execute.loop.allowance import Allowance
from fairtrial.execute.loop.batch import Line, grouping
from fairtrial.execute.loop.control import Control, path_for
from fairtrial.execute.loop.course import Budget, Course
from fairtrial.execute.loop.drive import Drive, Parts
from fairtrial.execute.loop.flight import Flights
from fairtrial.execute.loop.pace import Pace
from fairtrial.execute.loop.progress import Meter
from fairtrial.execute.loop.record import Record
from fairtrial.execute.loop.settle import Call
from fairtrial.execute.loop.setup import RunEnd, Setup
from fairtrial.execute.loop.share import sharing
from fairtrial.execute.loop.signals import Signals
from fairtrial.execute.loop.verbs import Verbs
from fairtrial.execute.loop.wake import Wake, selector
from fairtrial.execute.machine.jobs import threads
from fairtrial.execute.machine.orphans import mark
from fairtrial.model.progress import Progress
from fairtrial.model.trial import Role, Trial

__all__ = ["RunEnd", "Runner", "Setup"]


class Runner:
    """A driver's session on one study: a context manager, in which `run` is called once or several times.

    Everything is opened on entry and closed on exit: the engine, the signal handlers, the control socket and the place
    among the machine's drivers. The journal's session is ended by whoever began it.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        watch: Watches | None = None,
        signals: Signals | None = None,
    ) -> None:
        """Take the parts; `signals` are those of several runners in one process, opened and closed by their owner."""
        self._setup = setup
        self._signals = signals
        self._on_progress = on_progress
        self._watch = watch
        self._share = setup.share or sharing(setup.system)
        self._groups = grouping(setup.system, self._share, setup.study)
        self._stack = ExitStack()
        self._session: Session | None = None
        self._allowance: Allowance | None = None
        self._drive: Drive | None = None

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the engine, and the sharing of the machine, say that the reader must know."""
        own = (self._allowance.caution,) if self._allowance and self._allowance.caution else ()
        return (*self._session.cautions, *own) if self._session else own

    def run(self, trials: Iterable[Trial], *, role: Role = Role.TRIAL, collect: bool = False) -> RunEnd:
        """Run trials, pulled from the iterable as there is room for them.

        After a call that ended in another state than 'complete' the session is over: further calls run nothing and
        return that state. Raises BookUnwritable or StudyHeld from the journal; what was in flight is then run again by
        the next session.
        """
        assert self._drive is not None, "run is called inside the runner's with block"
        return self._drive.run(Call(Line(trials, self._groups), role, {} if collect else None))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            _rest_garbage(stack)
            self._drive = self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, problem, trace)

    def _open(self, stack: ExitStack) -> Drive:
        setup = self._setup
        allowance = self._allowance = Allowance(setup)
        stack.callback(allowance.close)
        signals = self._signals or Signals()
        if self._signals is None:
            stack.callback(signals.close)  # after the engine's end, so that Ctrl-C does not break into its clean-up
        session = setup.engine.open(setup.system, setup.target, self._settings(allowance.jobs))
        self._session = session
        stack.push(self._close)
        if self._signals is None:
            signals.open()
        watch = stack.enter_context(selector())
        parts = self._parts(session, allowance, signals, Wake(session, signals, watch))
        drive = Drive(parts)
        verbs = Verbs(
            course=parts.course,
            flights=parts.flights,
            allowance=allowance,
            turn=drive.turn,
            see=parts.pace.moment,
        )
        control = Control(path_for(setup.folder, setup.study.name, base=setup.runtime), watch, verbs.answer)
        control.open()
        stack.callback(control.close)
        return drive

    def _close(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        self._session.close(kill=kind is not None or (self._drive is not None and self._drive.abandoned))

    def _parts(self, session: Session, allowance: Allowance, signals: Signals, wake: Wake) -> Parts:
        setup, watched = self._setup, self._watch is not None
        course, meter = Course(), Meter(self._start(allowance.jobs), setup.history)
        flights = Flights(setup, session, share=self._share, watched=watched)
        pace = Pace(
            session,
            allowance=allowance,
            flights=flights,
            meter=meter,
            course=course,
            monotonic=setup.monotonic,
            on_progress=self._on_progress,
        )
        return Parts(
            setup=setup,
            session=session,
            allowance=allowance,
            signals=signals,
            wake=wake,
            flights=flights,
            record=Record(setup, session, flights, watched=watched),
            meter=meter,
            budget=Budget(setup.study.stop, setup.monotonic(), spent=setup.spent),
            course=course,
            pace=pace,
            watch=self._watch,
        )

    def _settings(self, jobs: int) -> EngineSettings:
        setup = self._setup
        return EngineSettings(
            jobs=jobs,
            scratch=setup.folder / "trials" / str(setup.journal.driver),
            mark=mark(setup.mark),
            workers=setup.study.parallel.workers,
            isolate=setup.study.parallel.isolate,
            threads=threads(setup.study),
        )

    def _start(self, jobs: int) -> Progress:
        setup = self._setup
        return Progress(
            run=setup.journal.run,
            study=setup.study.name,
            state="running",
            total=setup.total,
            done=setup.done,
            failed=setup.failed,
            running=0,
            reused=setup.reused,
            jobs=jobs,
        )


def _rest_garbage(stack: ExitStack) -> None:
    """Spare the collector what lives already (a plan of many trials), until the session ends."""
    if not gc.get_freeze_count():  # else somebody has frozen what is theirs, and would not want it back
        gc.freeze()
        stack.callback(gc.unfreeze)
