"""Ctrl-C and SIGTERM: handlers only note what came; the driver's loop reads it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

WATCHED = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Notes signals while it is open, and puts the old handlers back. Off the main thread it does nothing.

    `fileno` turns readable when one came, so that a waiting loop wakes. `breaks` makes the second one raise
    KeyboardInterrupt: for an engine that runs trials in the driver's own thread, where no loop could read the note.
    A signal that the process was started to ignore stays ignored.
    """

    def __init__(self) -> None:
        self.count = 0
        self.last = 0
        self.breaks = False
        self._old: dict[int, Any] = {}
        self._old_wakeup = -1
        self._ends: tuple[int, ...] = ()

    def open(self) -> None:
        """Take over the handlers."""
        self._ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
        if threading.current_thread() is not threading.main_thread():
            return
        self._old_wakeup = signal.set_wakeup_fd(self._ends[1], warn_on_full_buffer=False)
        for number in WATCHED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._old[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.last = number
        if self.breaks and self.count > 1:
            raise KeyboardInterrupt

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._ends[0]

    def drain(self) -> None:
        """Empty the descriptor."""
        while True:
            try:
                if not os.read(self._ends[0], 512):
                    return
            except BlockingIOError:
                return

    def close(self) -> None:
        """Put the old handlers back; may be called twice."""
        for number, handler in self._old.items():
            signal.signal(number, handler)
        if self._ends and threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._old_wakeup)
        for end in self._ends:
            os.close(end)
        self._old, self._ends = {}, ()


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends
