"""How many trials this driver may have running now: memory, CPUs, GPUs, and the machine's other drivers."""

from __future__ import annotations

from contextlib import suppress

from fairtrial.errors import MissingPart, UserError
from fairtrial.execute.loop.setup import Setup
from fairtrial.execute.machine.capacity import Capacity, Grant, Wish
from fairtrial.execute.machine.host import Host
from fairtrial.execute.machine.jobs import Sizer
from fairtrial.execute.machine.runtime import private
from fairtrial.model.outcome import Outcome

EVERY_S = 1.0
WAITING_S = 0.2
"""Between looks at the capacity file: usually, and while something is waited for."""


class Allowance:
    """Asks the machine and the capacity file, and remembers the answer in between."""

    def __init__(self, setup: Setup) -> None:
        study = setup.study
        self._study = study
        self._host = setup.host or Host()
        self._resources = self._host.resources()
        self._sizer = Sizer(study, setup.history)
        self._capacity = Capacity(private(setup.runtime), cpus=self._resources.cpus, monotonic=setup.monotonic)
        self._monotonic = setup.monotonic
        self._due = 0.0
        self._gpus_due = 0.0
        self._grant = Grant(1)
        self.caution = ""
        """What the reader must know."""
        self.refresh(running=0, flying=0, more=False)

    @property
    def jobs(self) -> int:
        """Return how many trials may run at once."""
        return max(1, self._grant.jobs)

    @property
    def waits(self) -> str:
        """Say why none may start; '' when they may."""
        return self._grant.waits

    @property
    def wants_gpus(self) -> bool:
        """Say whether a trial waits for GPUs."""
        return self._gpus_due > 0

    def refresh(self, *, running: int, flying: int, more: bool, now: bool = False) -> bool:
        """Ask again when it is time; return whether the answer changed.

        `running` processes are there, `flying` tasks are with the engine, and `more` says whether any wait to start.
        """
        moment = self._monotonic()
        if moment < self._due and not now:
            return False
        self._resources = self._host.resources()
        jobs = self._sizer.jobs(self._resources, running)
        wish = Wish(jobs if more else min(jobs, flying), self._study.needs.cpus, alone=self._study.timing)
        before = self._grant
        self._grant = self._ask(wish, jobs, busy=flying > 0)
        self._due = moment + (WAITING_S if self._grant.waits else EVERY_S)
        return self._grant != before

    def _ask(self, wish: Wish, jobs: int, *, busy: bool) -> Grant:
        try:
            grant = self._capacity.refresh(wish, busy=busy)
        except OSError as problem:  # a full temp folder is no reason to end a run
            self.caution = f"the machine could not be shared with other runs: {problem}"
            return Grant(jobs)
        return grant if wish.jobs else Grant(jobs)  # where nothing is wanted there is nothing to share

    def observe(self, outcome: Outcome) -> None:
        """Learn what a trial needed."""
        self._sizer.observe(outcome, self.jobs)

    def fix(self, jobs: int | None) -> None:
        """Set the number of jobs by hand (None: automatic again). Raises UserError for auto where metrics are times."""
        if jobs is None and self._study.timing:
            raise UserError("timing studies run alone: auto is refused", hint="fairtrial set jobs=1")
        self._sizer.fixed = jobs
        self._due = 0.0

    def take_gpus(self) -> tuple[int, ...] | None:
        """Take the GPUs of one trial; None when it must wait for them."""
        count = self._study.needs.gpus
        if not count:
            return ()
        if self._monotonic() < self._gpus_due:
            return None
        try:
            taken = self._capacity.take(count, self._resources.gpus)
        except OSError as problem:
            raise MissingPart(f"GPUs cannot be allotted: {problem}", hint="make room in the temp folder") from None
        self._gpus_due = 0.0 if taken else self._monotonic() + WAITING_S
        return taken or None

    def give_gpus(self, gpus: tuple[int, ...]) -> None:
        """Give a trial's GPUs back."""
        if gpus:
            with suppress(OSError):  # others see it later: at the next change, or when this driver is gone
                self._capacity.give(gpus)
            self._gpus_due = 0.0

    def close(self) -> None:
        """Leave the machine's list of drivers; where that cannot be written, the others see that this one is gone."""
        with suppress(OSError):
            self._capacity.close()
