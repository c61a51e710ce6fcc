"""A courier as the process that started it sees it: waited for while it gets on, ended at any instant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from fairtrial.flow.courier import Orders

TICK_S = 0.05
WORK_S = 0.1
"""CPU time that is a sign of work."""


class Process:
    """A courier at work, as the process that started it sees it."""

    def __init__(self, folder: Path, run: int, *, follow: bool) -> None:
        self._said, self._broke = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - until `forget`
        orders = Orders(str(folder.resolve()), run, os.getpid(), follow)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fairtrial.flow.courier", orders.written()],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=self._broke,
            start_new_session=True,  # Ctrl-C is for the driver
        )
        self._asked = False

    @property
    def pid(self) -> int:
        """Return its process's id."""
        return self._process.pid

    def finish(self) -> None:
        """Ask it to finish: nothing more will be written to the run."""
        if self._asked or self._process.stdin is None:
            return
        self._asked = True
        with suppress(BrokenPipeError):  # it has ended already
            self._process.stdin.write(b"finish\n")
            self._process.stdin.flush()

    def wait(self, *, silent_s: float, whole_s: float | None = None, heard: Callable[[], None] | None = None) -> bool:
        """Wait for its end as long as it gets on; say whether it came to it. `heard` is called when it says something.

        It gets on when it says something, and while it computes: what waits for an answer does neither.
        """
        begun = signed = time.monotonic()
        size, worked_s = 0, 0.0
        while self._process.poll() is None:
            now, said, cpu_s = time.monotonic(), self._size(), self._cpu_s()
            if said != size or cpu_s - worked_s >= WORK_S:
                signed, worked_s = now, cpu_s
            if said != size and heard:
                heard()
            size = said
            if now - signed > silent_s or (whole_s is not None and now - begun > whole_s):
                return False
            time.sleep(TICK_S)
        return True

    def _cpu_s(self) -> float:
        """Return the CPU time that it has used."""
        try:
            used = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:  # it has just ended
            return 0.0
        return float(used.user + used.system)

    def close(self) -> None:
        """End it, whatever it does: it may be killed at any instant."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """Let go of what it said."""
        self._said.close()
        self._broke.close()

    @property
    def delivered(self) -> int:
        """Count the trials that it brought there."""
        return sum(record.get("delivered", 0) for record in self._records())

    @property
    def problem(self) -> str:
        """Return what is in its way; '' where nothing is."""
        found = [record["problem"] for record in self._records() if "problem" in record]
        return found[-1] if found else self._last_words()

    @property
    def held(self) -> bool:
        """Say whether another mirror has the run."""
        return any(record.get("held") for record in self._records())

    def _records(self) -> Iterator[dict[str, Any]]:
        size = self._size()
        whole = os.pread(self._said.fileno(), size, 0).rpartition(b"\n")[0]
        yield from (json.loads(line) for line in whole.splitlines())

    def _size(self) -> int:
        return os.fstat(self._said.fileno()).st_size

    def _last_words(self) -> str:
        """Return what a courier that broke down wrote last."""
        if not self._process.returncode or self._process.returncode < 0:  # killed by `close`, or by somebody else
            return ""
        lines = os.pread(self._broke.fileno(), 1 << 16, 0).decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"the mirror ended with {self._process.returncode}"
