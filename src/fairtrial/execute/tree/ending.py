"""A task's result and its exit record -> outcomes: what came back, or why nothing did, with a class."""

# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fairtrial.contract.engine import Ended
from fairtrial.model.outcome import Captured, Failure, FailureClass, Outcome, Produced, Status, Usage
from fairtrial.model.trial import Task

STDERR_BYTES = 4000
SHARED_DIED = "what it shares with other trials died"


@dataclass(slots=True)
class Exit:
    """How a process ended, as its parent saw it."""

    code: int | None = None
    signal: int | None = None
    why: str = ""
    """'' | timeout | oom | cancelled | pruned | infra: who ended it, where that was us"""
    limiter: str = ""
    overshoot_bytes: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    captured: Captured = Captured()
    caution: str = ""
    message: str = ""


def read_exit(record: list[Any]) -> Exit:
    """Read an exit record."""
    _, _, code, number, why, limiter, overshoot, wall_s, cpu_s, peak, *captured, caution = record
    return Exit(code, number, why, limiter, overshoot, wall_s, cpu_s, peak, Captured(*captured), caution)


def ended(task: Task, answer: Mapping[str, Any] | None, exit_: Exit, *, program: bool) -> Ended:
    """Say how a task ended."""
    results = answer["r"] if answer else [None] * len(task.members)
    batch = len(task.members)
    usage = _usage(answer or {}, exit_, batch)
    outcomes = tuple(
        _outcome(member.attempt, result, exit_, usage=usage, batch=batch, program=program, first=index == 0)
        for index, (member, result) in enumerate(zip(task.members, results, strict=True))
    )
    alone = batch > 1 and any(one.status is Status.FAILED for one in outcomes)
    return Ended(task.id, outcomes, retry_alone=alone)


def failed(report: Ended) -> bool:
    """Say whether any member of a task failed."""
    return any(one.status is Status.FAILED for one in report.outcomes)


def blamed(report: Ended, why: str) -> Ended:
    """Put a task's failures down to what it shared with others: infra, with what the trial itself said as detail."""
    return replace(report, outcomes=tuple(_blamed(outcome, why) for outcome in report.outcomes))


def _blamed(outcome: Outcome, why: str) -> Outcome:
    failure = outcome.failure
    if outcome.status is not Status.FAILED or failure is None or failure.kind is FailureClass.OOM:
        return outcome
    said = "" if failure.message == SHARED_DIED else f"{failure.message}\n"
    message = f"{SHARED_DIED}: {why}"
    kind = FailureClass.INFRA
    return replace(outcome, failure=replace(failure, kind=kind, message=message, detail=said + failure.detail))


def _usage(answer: Mapping[str, Any], exit_: Exit, batch: int) -> Usage:
    before, after = answer.get("spin", (None, None))
    wall_s = answer.get("w", exit_.wall_s)
    peak_bytes = max(exit_.peak_bytes, answer.get("p", 0))
    if batch == 1:
        return Usage(wall_s, exit_.cpu_s, peak_bytes, before, after)
    return Usage(wall_s / batch, exit_.cpu_s / batch, peak_bytes // batch, before, after)


def _outcome(
    attempt: int,
    result: Mapping[str, Any] | None,
    exit_: Exit,
    *,
    usage: Usage,
    batch: int,
    program: bool,
    first: bool,
) -> Outcome:
    status, failure = _judge(result, exit_, program=program)
    captured = exit_.captured
    if not first:  # a file can be moved into the book once
        captured = Captured(captured.stdout, captured.stderr)
    return Outcome(
        attempt,
        status,
        metrics=result.get("m", {}) if result and failure is None else {},
        failure=failure,
        usage=usage,
        captured=captured,
        produced=tuple(Produced(*one) for one in result.get("p", ())) if result else (),
        cautions=(exit_.caution,) if exit_.caution else (),
        batch=batch,
    )


def _judge(result: Mapping[str, Any] | None, exit_: Exit, *, program: bool) -> tuple[Status, Failure | None]:
    """A function's own result goes before what we did to it; a program that was stopped may still print one."""
    said = result["s"] if result else ""
    if said == "done" and not (program and exit_.why):
        return Status.DONE, None
    if said == "pruned" and not exit_.why:
        return Status.PRUNED, None
    if exit_.why == "pruned":
        return Status.PRUNED, None
    if exit_.why == "cancelled":
        return Status.CANCELLED, Failure(FailureClass.CANCELLED, "cancelled")
    if exit_.why:
        return Status.FAILED, _stopped(exit_)
    if result is not None and exit_.limiter:
        return Status.FAILED, _stopped(replace(exit_, why="oom"))
    if result is not None:
        failure = Failure(FailureClass(result["k"]), result["e"], detail=result.get("d", ""), exit_code=exit_.code)
        return Status.FAILED, failure
    return Status.FAILED, _silent(exit_, program=program)


def _stopped(exit_: Exit) -> Failure:
    kind = FailureClass(exit_.why)
    message = exit_.message or {
        FailureClass.TIMEOUT: f"killed after {exit_.wall_s:.3g} s: the wall-clock limit",
        FailureClass.OOM: f"killed at the memory limit by the {exit_.limiter}",
    }.get(kind, SHARED_DIED)
    return Failure(
        kind,
        message,
        detail=_stderr(exit_),
        exit_code=exit_.code,
        signal=exit_.signal,
        limiter=exit_.limiter,
        overshoot_bytes=exit_.overshoot_bytes,
    )


def _silent(exit_: Exit, *, program: bool) -> Failure:
    detail = _stderr(exit_)
    if exit_.signal is not None:
        name = signal.Signals(exit_.signal).name if exit_.signal in set(signal.Signals) else str(exit_.signal)
        return Failure(FailureClass.CRASH, f"killed by {name}", detail=detail, signal=exit_.signal)
    if exit_.code == 0:
        return Failure(FailureClass.BAD_RESULT, "exited 0 without a result", detail=detail, exit_code=0)
    kind = FailureClass.EXCEPTION if program else FailureClass.CRASH
    last = detail.strip().rpartition("\n")[2].strip() if program else ""
    message = f"exited {exit_.code}{': ' if last else ' without a result' if not program else ''}{last[:400]}"
    return Failure(kind, message, detail=detail, exit_code=exit_.code)


def _stderr(exit_: Exit) -> str:
    data = exit_.captured.stderr[-STDERR_BYTES:]
    if exit_.captured.stderr_path:
        with open(exit_.captured.stderr_path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - STDERR_BYTES))
            data = file.read()
    return data.decode(errors="replace")
