"""A book in memory and its writing side, for tests of whatever drives a run; nothing outlives the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairtrial.errors import StudyHeld
from fairtrial.model.event import Acted, AttemptEnded, AttemptStarted, Event, StepLogged
from fairtrial.model.identity import digest
from fairtrial.model.outcome import Status
from fairtrial.model.provenance import Provenance
from fairtrial.model.run import Run
from fairtrial.model.trial import Role, Trial
from fairtrial.testing.ledger import MemoryLedger
from fairtrial.testing.memory import Attempt, Kept, Memory

SETTLING = {Status.DONE, Status.FAILED, Status.PRUNED}


class MemoryBook:
    """A book without files. A driver is dead as soon as the next one of its study begins."""

    def __init__(self, folder: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder or Path(".fairtrial")
        self.memory = Memory()
        self.ledger = MemoryLedger(self.memory)
        self._clock = clock

    @contextmanager
    def hold(self, study: str) -> Iterator[None]:
        """Hold a study. Raises StudyHeld."""
        if study in self.memory.held:
            raise StudyHeld(f"study {study!r} is held by this process")
        self.memory.held.add(study)
        try:
            yield
        finally:
            self.memory.held.discard(study)

    def begin(
        self,
        *,
        study: str,
        document: Mapping[str, Any],
        system: str,
        identity: Mapping[str, Any],
        metrics: Sequence[str],
        provenance: Provenance,
        live: bool,
        fresh: bool,
        durability: str = "normal",
        tags: Sequence[str] = (),
        planned: int | None = None,
    ) -> MemoryJournal:
        """Continue the study's newest run, or open a new one: `fresh`, or the system's identity changed."""
        memory, now = self.memory, self._clock()
        kept = memory.newest(study)
        if kept is not None:
            memory.lose(kept.driver)
            kept.driver = 0
        if kept is None or fresh or kept.identity != identity:
            run = Run(len(memory.runs) + 1, study, "open", now, now, document, system, system_digest=digest(identity))
            kept = memory.runs[run.number] = Kept(run, dict(identity), tuple(metrics))
        memory.drivers += 1
        kept.driver, kept.metrics = memory.drivers, tuple(metrics)
        kept.run = replace(
            kept.run, state="open", updated=now, document=document, live=live, tags=tuple(tags), planned=planned
        )
        kept.provenance.append(provenance.as_dict())
        return MemoryJournal(memory, kept)

    def act(
        self,
        verb: str,
        *,
        why: str = "",
        command: Sequence[str] = (),
        run: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append to the action log."""
        said = Acted(verb, self._clock(), why=why, command=tuple(command), run=run, detail=dict(detail or {}))
        self.memory.actions.append(said)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class MemoryJournal:
    """The writing side, for one driver of one run."""

    def __init__(self, memory: Memory, kept: Kept) -> None:
        self.run, self.driver = kept.run.number, kept.driver
        self._memory, self._kept = memory, kept
        self._issued = 0

    def next_attempt(self) -> int:
        """Return a fresh attempt id."""
        self._issued += 1
        return self.driver << 32 | self._issued

    def append(self, events: Sequence[Event]) -> tuple[int, ...]:
        """Append; return the attempt ids whose results were refused as late."""
        refused: dict[int, None] = {}
        for event in events:
            if isinstance(event, Acted):
                self._memory.actions.append(event)
                continue
            attempt = event.outcome.attempt if isinstance(event, AttemptEnded) else event.attempt
            if not self._owns() or not self._take(event, attempt):
                refused[attempt] = None
        return tuple(refused)

    def reuse(self, trials: Sequence[Trial]) -> int:
        """Take finished trials of other runs into this one; return how many."""
        return sum(self._reuse(trial) for trial in trials) if self._owns() else 0

    def retire(self, keep: Iterable[bytes]) -> int:
        """Retire the members outside `keep`, take the others back; return how many are retired now."""
        kept = set(keep)
        for key, member in self._kept.members.items():
            member.retired = key not in kept
        return sum(member.retired for member in self._kept.members.values())

    def forgive(self, trials: Sequence[bytes]) -> int:
        """Reopen settled failures; return how many."""
        members = [self._kept.members[key] for key in trials if key in self._kept.members]
        failed = [member for member in members if member.status is Status.FAILED]
        for member in failed:
            member.status = member.attempt = None
        return len(failed)

    def relabel(self, trials: Iterable[Trial]) -> int:
        """Give members the assignment that the amended study gives them; return how many changed."""
        changed = 0
        for trial in trials:
            member = self._kept.members.get(trial.digest)
            if member is not None and member.trial.condition != trial.condition:
                member.trial, changed = trial, changed + 1
        return changed

    def close(self, state: str, *, planned: int | None) -> None:
        """End the driver's session."""
        if self._owns():
            self._memory.lose(self.driver)
            self._kept.driver = 0
            self._kept.run = replace(self._kept.run, state=state, planned=planned)

    def _owns(self) -> bool:
        return self._kept.driver == self.driver

    def _take(self, event: AttemptStarted | StepLogged | AttemptEnded, key: int) -> bool:
        if isinstance(event, AttemptStarted):
            self._start(event)
            return True
        attempt = self._memory.attempts.get(key)
        if attempt is None or attempt.driver != self.driver or attempt.status is not Status.RUNNING:
            return isinstance(event, StepLogged)  # a late step is dropped, a late result is refused
        if isinstance(event, StepLogged):
            attempt.steps.append((event.step, dict(event.metrics)))
        else:
            self._end(event, attempt)
        return True

    def _start(self, event: AttemptStarted) -> None:
        digest, attempts = event.trial.digest, self._memory.attempts.values()
        earlier = sum(one.started.run == self.run and one.started.trial.digest == digest for one in attempts)
        self._memory.attempts[event.attempt] = Attempt(event, self.driver, earlier + 1)
        if event.role is Role.TRIAL:
            self._kept.join(event.trial)

    def _end(self, event: AttemptEnded, attempt: Attempt) -> None:
        outcome, started = event.outcome, attempt.started
        attempt.status, attempt.outcome, attempt.ended = outcome.status, outcome, event.at
        if event.settles and started.role is Role.TRIAL and outcome.status in SETTLING:
            member = self._kept.join(started.trial)
            if member.status is None:
                member.status, member.attempt = outcome.status, outcome.attempt

    def _reuse(self, trial: Trial) -> bool:
        for number, kept in sorted(self._memory.runs.items(), reverse=True):
            found = kept.members.get(trial.digest)
            if kept is self._kept or kept.run.live or found is None or found.status is not Status.DONE:
                continue
            member = self._kept.join(trial)
            if member.status is not None:
                return False
            member.status, member.attempt = Status.DONE, found.attempt
            member.reused_from = found.reused_from or number
            return True
        return False
