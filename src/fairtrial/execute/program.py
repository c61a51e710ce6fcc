"""A command as a child of this very process, for engine `inline`: started, waited for, and ended with its session."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from fairtrial.contract.system import Launch
from fairtrial.execute.tree.ending import Exit
from fairtrial.execute.tree.running import GRACE_S
from fairtrial.execute.trial.context import Channel
from fairtrial.execute.trial.slots import Slot
from fairtrial.execute.trial.wire import Record

TICK_S = 0.02


class Stopping(Channel, Protocol):
    """A channel that also knows why its task was asked to stop ('' where it was not)."""

    why: str


class Program:
    """One running program. Raises OSError where it does not start."""

    def __init__(self, launch: Launch, environment: Mapping[str, str], folder: str, slot: Slot) -> None:
        self._begun = time.monotonic()
        self._process = subprocess.Popen(
            list(launch.argv),
            env=dict(environment),
            cwd=folder or None,
            stdin=subprocess.DEVNULL,
            stdout=slot.descriptors[0],
            stderr=slot.descriptors[1],
            start_new_session=True,
        )

    def wait(self, deadline: float | None, channel: Stopping, steps: Callable[[], Iterable[Record]]) -> Exit:
        """Wait for the end, handing on steps; hold the deadline and heed a wish to stop."""
        why = ""
        try:
            while not self._over() and not why:
                why = channel.why or ("timeout" if deadline and time.monotonic() >= deadline else "")
                why = _hand_on(steps(), channel) or why
            if why:
                self._terminate()
        finally:
            self._signal(signal.SIGKILL)  # what it left in its session
            code = self._process.wait()
        _hand_on(steps(), channel)
        limiter = "wall" if why == "timeout" else ""
        number = -code if code < 0 else None
        exit_code = code if code >= 0 else None
        return Exit(exit_code, number, why, limiter, wall_s=time.monotonic() - self._begun)

    def _over(self) -> bool:
        try:
            self._process.wait(TICK_S)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _terminate(self) -> None:
        """SIGTERM, a grace period; SIGKILL follows in any case."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            return

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def _hand_on(records: Iterable[Record], channel: Stopping) -> str:
    """Report steps; return 'pruned' where a strategy says stop."""
    stops = [channel.step(attempt, step, metrics) for _, attempt, step, metrics in records]
    return (channel.why or "pruned") if any(stops) else ""
