"""Live progress on stderr: one line that is rewritten on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from fairtrial.cli.console import err, note, span
from fairtrial.model.progress import Progress

EVERY_S = 15.0
BAR = 24


class Live:
    """Shows progress while it is entered; `show` is called with each record."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._live: Any = None
        self._last = 0.0
        self._shown: Progress | None = None

    def __enter__(self) -> Self:
        if self._terminal and not self._quiet:
            from rich.live import Live as RichLive

            self._live = RichLive("", console=err(), refresh_per_second=10, transient=True)
            self._live.start()
        self._last = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Show a record."""
        self._shown = progress
        if self._quiet:
            return
        if self._live is not None:
            self._live.update(line(progress, bar=True))
        elif time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            note(line(progress, bar=False))


def line(progress: Progress, *, bar: bool) -> str:
    """Write progress as one line: done, failed, running, rate, and the time left with its 90 % range."""
    settled = progress.done + progress.failed
    total = "?" if progress.total is None else str(progress.total)
    parts = [f"{settled}/{total}", f"{progress.done} done", f"{progress.failed} failed", f"{progress.running} running"]
    if progress.reused:
        parts.append(f"{progress.reused} reused")
    if progress.rate_per_s:
        parts.append(f"{progress.rate_per_s:.3g}/s")
    if progress.eta_s is not None:
        parts.append(_eta(progress))
    if progress.state != "running":
        parts.append(progress.state)
    if progress.label:
        parts.append(progress.label)
    drawn = _bar(settled / progress.total) + " " if bar and progress.total else ""
    return drawn + " · ".join(parts)


def _eta(progress: Progress) -> str:
    if progress.eta_low_s is None or progress.eta_high_s is None:
        return f"{span(progress.eta_s)} left"
    return f"{span(progress.eta_s)} left ({span(progress.eta_low_s)} to {span(progress.eta_high_s)})"


def _bar(share: float) -> str:
    full = min(BAR, int(share * BAR))
    return "━" * full + "╌" * (BAR - full)
