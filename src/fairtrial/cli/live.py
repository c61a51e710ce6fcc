"""Live progress on stderr: one line that is rewritten on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from fairtrial.cli.console import err, note, span
from fairtrial.flow.notice import Notice
from fairtrial.model.progress import Progress

EVERY_S = 15.0
BAR = 24
SHORT = 8
"""Columns of the bar at most, and at least."""


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
            from rich.text import Text

            text = drawn(progress, err().width - 1)
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"))
        elif time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            note(line(progress))


def failure(notice: Notice) -> None:
    """Print the first failure of a kind, and where to read on."""
    again = " (it runs again)" if notice.again else ""
    note(f"{notice.trial} failed: {notice.kind.value}: {notice.message}{again}; fairtrial logs {notice.trial}")
    if notice.last:
        note(f"further kinds of failure: fairtrial show {notice.trial.partition('.')[0]} --failed")


def drawn(progress: Progress, width: int) -> str:
    """Write progress in one line of at most so many columns, with a bar where there is room for one."""
    words = " · ".join(_parts(progress))
    room = min(BAR, width - len(words) - 1)
    if progress.total and room >= SHORT:
        words = f"{_bar((progress.done + progress.failed) / progress.total, room)} {words}"
    labelled = f"{words} · {progress.label}"
    return labelled if progress.label and len(labelled) <= width else words[:width]


def line(progress: Progress) -> str:
    """Write progress as one line of any length, with the last thing that happened."""
    return " · ".join([*_parts(progress), *([progress.label] if progress.label else [])])


def _parts(progress: Progress) -> list[str]:
    """Say done, failed, running, rate, and the time left with half its 90 % range."""
    settled = progress.done + progress.failed
    total = "?" if progress.total is None else str(progress.total)
    parts = [f"{settled}/{total}", f"{progress.done} done", f"{progress.failed} failed"]
    if progress.running or progress.state == "running":
        parts.append(f"{progress.running} running")
    if progress.reused:
        parts.append(f"{progress.reused} reused")
    if progress.rate_per_s:
        parts.append(f"{progress.rate_per_s:.0f}/s" if progress.rate_per_s >= 100 else f"{progress.rate_per_s:.3g}/s")
    if progress.eta_s is not None and progress.running + (progress.total or 0) > settled:
        parts.append(_eta(progress))
    if progress.state != "running":
        parts.append(progress.state)
    return parts


def _eta(progress: Progress) -> str:
    if progress.eta_s is None or progress.eta_high_s is None:
        return f"{span(progress.eta_s)} left"
    half_s = progress.eta_high_s - progress.eta_s
    return f"{span(progress.eta_s)} ± {f'{half_s:.1g} s' if half_s < 10 else span(half_s)} left"


def _bar(share: float, width: int) -> str:
    full = min(width, int(share * width))
    return "━" * full + "╌" * (width - full)
