"""The reading side of a book in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, quantiles, stdev
from typing import Any

from fairtrial.errors import UnknownName
from fairtrial.model.identity import point_digest
from fairtrial.model.outcome import Captured, Outcome, Status, Usage
from fairtrial.model.path import flatten
from fairtrial.model.run import AttemptRow, History, Measurements, Run, TrialRow
from fairtrial.model.study import ABSENT
from fairtrial.testing.memory import Attempt, Kept, Member, Memory

_NOTHING = Outcome(0, Status.RUNNING)


class _Runs:
    """Runs and what of them is left to do."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def runs(self) -> Sequence[Run]:
        """List runs, newest first."""
        return [self._counted(kept) for _, kept in sorted(self._memory.runs.items(), reverse=True)]

    def run(self, number: int | None = None, study: str | None = None) -> Run:
        """Return a run by number, or a study's newest. Raises UnknownName."""
        for run in self.runs():
            if number in (None, run.number) and study in (None, run.study):
                return run
        if number is None:
            raise UnknownName("study", study or "", (run.study for run in self.runs()))
        raise UnknownName("run", str(number), (str(run.number) for run in self.runs()))

    def settled(self, run: int) -> Mapping[bytes, str]:
        """Return digest -> status for the settled trials of a run."""
        members = self._kept(run).members.items()
        return {digest: member.status.value for digest, member in members if member.status is not None}

    def parameters(self, run: int) -> Mapping[int, Mapping[str, Any]]:
        """Return trial number -> its resolved parameters, in number order."""
        members = self._kept(run).members.values()
        return {member.number: member.trial.condition.parameters for member in members}

    def finished(self, *, exclude_live: bool = True) -> set[bytes]:
        """Return the digests of every trial that some run finished."""
        return {
            digest
            for kept in self._memory.runs.values()
            for digest, member in kept.members.items()
            if member.status is Status.DONE and not (exclude_live and kept.run.live)
        }

    def stale(
        self,
        points: Mapping[bytes, bytes],
        system: bytes,
        inputs: bytes,
        *,
        identity: Mapping[str, Any] | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> Mapping[bytes, str]:
        """Return digest -> reason, where the book has the same point under another system or other inputs."""
        known = {_point(member): (kept, member) for kept, member in self._done()}
        found: dict[bytes, str] = {}
        for digest, point in points.items():
            kept, member = known.get(point, (None, None))
            if kept is None or member is None or member.trial.digest == digest:
                continue
            parts = _changed(kept.identity, identity or {}) if member.trial.system != system else []
            found[digest] = f"changed: {', '.join(parts)}" if parts else "inputs changed"
        return found

    def provenance(self, run: int) -> Sequence[Mapping[str, Any]]:
        """Return what is known of each driver of a run, oldest first."""
        return list(self._kept(run).provenance)

    def actions(self, run: int | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the action log, oldest first."""
        return [asdict(acted) for acted in self._memory.actions if run in (None, acted.run)]

    def verify(self) -> Sequence[str]:
        """Find nothing: what is in memory has no way to rot."""
        return []

    def _kept(self, run: int) -> Kept:
        self.run(run)
        return self._memory.runs[run]

    def _done(self) -> Iterator[tuple[Kept, Member]]:
        for kept in self._memory.runs.values():
            yield from ((kept, member) for member in kept.members.values() if member.status is Status.DONE)

    def _counted(self, kept: Kept) -> Run:
        counted = [member for member in kept.members.values() if not member.retired]
        settled = [member for member in counted if member.status is not None]
        failed = sum(member.status is Status.FAILED for member in settled)
        state = "interrupted" if kept.run.state == "open" and not kept.driver else kept.run.state
        return replace(
            kept.run,
            state=state,
            done=sum(member.status is Status.DONE for member in settled),
            pruned=sum(member.status is Status.PRUNED for member in settled),
            failed=failed,
            reused=sum(member.reused_from is not None for member in counted),
            retired=len(kept.members) - len(counted),
        )


class MemoryLedger(_Runs):
    """All that can be asked of a book in memory."""

    def trials(
        self, run: int, *, limit: int | None = None, offset: int = 0, status: str | None = None
    ) -> Sequence[TrialRow]:
        """List a run's trials in number order."""
        kept = self._kept(run)
        rows = [self._row(kept, member) for member in kept.members.values() if status in (None, member.status)]
        return rows[offset:] if limit is None else rows[offset : offset + limit]

    def trial(self, reference: str) -> TrialRow:
        """Find a trial by `RUN.NUMBER` or a digest prefix. Raises UnknownName."""
        run, _, number = reference.partition(".")
        rows = [row for found in self.runs() for row in self.trials(found.number)]
        for row in rows:
            if number and (str(row.run), str(row.number)) == (run, number):
                return row
            if not number and len(reference) >= 4 and row.digest.hex().startswith(reference):
                return row
        raise UnknownName("trial", reference, (f"{row.run}.{row.number}" for row in rows))

    def attempts(self, trial: bytes | None = None, run: int | None = None) -> Sequence[AttemptRow]:
        """List attempts, oldest first."""
        return [
            _attempt_row(key, attempt)
            for key, attempt in self._memory.attempts.items()
            if trial in (None, attempt.started.trial.digest) and run in (None, attempt.started.run)
        ]

    def captured(self, attempt: int) -> Captured:
        """Return what an attempt wrote."""
        found = self._memory.attempts[attempt]
        if found.outcome is None:
            return Captured(stdout_path=found.started.stdout_path, stderr_path=found.started.stderr_path)
        return found.outcome.captured

    def series(self, attempt: int) -> Sequence[tuple[int, Mapping[str, float | None]]]:
        """Return an attempt's steps, in order."""
        return sorted(self._memory.attempts[attempt].steps, key=lambda step: step[0])

    def tables(self, run: int, name: str | None = None) -> Sequence[tuple[TrialRow, str, Path]]:
        """List the raw tables of a run's settled trials."""
        return [found for found in self._produced(run, "table") if name in (None, found[1])]

    def files(self, run: int) -> Sequence[tuple[TrialRow, str, Path]]:
        """List the artifacts of a run's settled trials."""
        return list(self._produced(run, "file"))

    def measurements(self, run: int, *, retired: bool = False) -> Measurements:
        """Return the settled trials of a run, columnar."""
        kept = self._kept(run)
        rows = [row for row in self.trials(run) if row.status is not None and (retired or not row.retired)]
        paths = dict.fromkeys(path for row in rows for path in row.assignment)
        usage = [self._outcome(row).usage for row in rows]
        return Measurements(
            run=run,
            number=[row.number for row in rows],
            variant=[row.variant for row in rows],
            replicate=[row.replicate for row in rows],
            seed=[row.seed for row in rows],
            status=[str(row.status) for row in rows],
            failure=[str(row.failure.kind) if row.failure else "" for row in rows],
            factors={path: [row.assignment.get(path, ABSENT) for row in rows] for path in paths},
            metrics={name: [_number(row.metrics.get(name)) for row in rows] for name in kept.metrics},
            wall_s=[one.wall_s for one in usage],
            cpu_s=[one.cpu_s for one in usage],
            peak_bytes=[one.peak_bytes for one in usage],
            attempt=[row.attempt for row in rows],
        )

    def history(self, system: bytes | None = None, name: str | None = None) -> History:
        """Return how long trials of a system took and what they needed."""
        found = [
            attempt.outcome.usage
            for attempt in self._memory.attempts.values()
            if attempt.outcome is not None and attempt.status is Status.DONE
            if system in (None, attempt.started.trial.system)
            if name in (None, self._memory.runs[attempt.started.run].run.system)
        ]
        return _history(found)

    def _row(self, kept: Kept, member: Member) -> TrialRow:
        trial = member.trial
        row = TrialRow(
            run=kept.run.number,
            number=member.number,
            digest=trial.digest,
            variant=trial.condition.variant,
            assignment=trial.condition.assignment,
            replicate=trial.replicate,
            seed=trial.seed,
            status=member.status,
            attempt=member.attempt,
            reused_from=member.reused_from,
            retired=member.retired,
        )
        outcome = self._outcome(row)
        return replace(row, metrics=outcome.metrics, failure=outcome.failure)

    def _outcome(self, row: TrialRow) -> Outcome:
        attempt = self._memory.attempts.get(row.attempt or 0)
        return (attempt.outcome if attempt else None) or _NOTHING

    def _produced(self, run: int, kind: str) -> Iterator[tuple[TrialRow, str, Path]]:
        for row in self.trials(run):
            produced = self._outcome(row).produced
            yield from ((row, one.name, Path(one.path)) for one in produced if one.kind == kind)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, after = dict(flatten(old)), dict(flatten(new))
    parts = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    return parts if new and parts else ["system"]


def _point(member: Member) -> bytes:
    return point_digest(member.trial.condition.digest, member.trial.seed)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _attempt_row(key: int, attempt: Attempt) -> AttemptRow:
    outcome, started = attempt.outcome or _NOTHING, attempt.started
    return AttemptRow(
        id=key,
        run=started.run,
        trial=started.trial.digest,
        number=attempt.number,
        role=started.role,
        status=attempt.status,
        started=started.at,
        ended=attempt.ended,
        usage=outcome.usage,
        failure=outcome.failure,
        metrics=outcome.metrics,
        pid=started.pid,
        cautions=outcome.cautions,
        captured=outcome.captured,
        batch=outcome.batch,
    )


def _history(found: Sequence[Usage]) -> History:
    walls, peaks = [usage.wall_s for usage in found], [usage.peak_bytes for usage in found if usage.peak_bytes]
    return History(
        trials=len(found),
        wall_mean_s=fmean(walls) if walls else None,
        wall_sd_s=stdev(walls) if len(walls) > 1 else None,
        peak_bytes=round(quantiles(peaks, n=20, method="inclusive")[-1]) if len(peaks) > 1 else next(iter(peaks), None),
    )
