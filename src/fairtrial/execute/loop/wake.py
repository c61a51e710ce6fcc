"""Waiting for several things at once: the engine, signals, and the control socket."""

from __future__ import annotations

import time
from collections.abc import Sequence
from selectors import EVENT_READ, BaseSelector, SelectSelector

from fairtrial.contract.engine import Gathers, Report, Session
from fairtrial.execute.loop.signals import Signals

COMPANY_S, COMPANY = 0.025, 32
"""How long a report may wait for more: to be woken, and to write, for each would cost more than the rest. No longer
than half of what the engine has to do takes; and where many came the last time, the others are there already."""
SLICE_S = 0.05
"""Longest wait inside an engine without a descriptor, so that the others are heard too."""

try:
    from selectors import PollSelector as _Selector
except ImportError:  # pragma: no cover  (a platform without poll)
    _Selector = SelectSelector  # type: ignore[misc,assignment]


def selector() -> BaseSelector:
    """Make the selector: poll, which looks descriptors up by number, as an engine may replace its own."""
    return _Selector()


class Wake:
    """Waits, runs the callbacks of what woke it, and returns the engine's reports."""

    def __init__(self, session: Session, signals: Signals, watch: BaseSelector) -> None:
        self._session = session
        self._signals = signals
        self._watch = watch
        self._flush = session.flush if isinstance(session, Gathers) else None
        self._came, self._each_s, self._polled = 0, 0.0, time.monotonic()
        self._engine: int | None = None
        watch.register(signals.fileno(), EVENT_READ, signals.drain)

    def wait(self, timeout_s: float, *, flying: bool, ahead: int = 0) -> Sequence[Report]:
        """Wait for the first thing to happen, and a little for more where the engine has tasks `ahead`.

        Without anything in flight the engine is not asked.
        """
        if self._flush is not None:
            self._flush()
        descriptor = self._session.fileno()
        self._follow(descriptor)
        if flying and descriptor is None:
            self._serve(0.0)
            return self._inside(min(timeout_s, SLICE_S))
        if self._serve(timeout_s) and self._came < COMPANY:
            time.sleep(min(COMPANY_S, ahead * self._each_s))  # a task makes two reports, so that this is half of them
        reports = self._session.poll(0.0) if flying else ()
        self._note(len(reports))
        return reports

    def _note(self, came: int) -> None:
        now, self._came = time.monotonic(), came
        if came:
            self._each_s, self._polled = (now - self._polled) / came, now

    def _inside(self, timeout_s: float) -> Sequence[Report]:
        """Poll an engine that may run a trial in this very thread: only there a second Ctrl-C breaks in."""
        self._signals.breaks = True
        try:
            return self._session.poll(timeout_s)
        except KeyboardInterrupt:
            if self._signals.count < 2:
                raise
            return ()
        finally:
            self._signals.breaks = False

    def _serve(self, timeout_s: float) -> bool:
        """Wait, run callbacks; say whether the engine has something."""
        engine = False
        for key, _ in self._watch.select(timeout_s):
            if key.data is None:
                engine = True
            else:
                key.data()
        return engine

    def _follow(self, descriptor: int | None) -> None:
        if descriptor == self._engine:
            return
        if self._engine is not None:
            self._watch.unregister(self._engine)
        if descriptor is not None:
            self._watch.register(descriptor, EVENT_READ, None)
        self._engine = descriptor
