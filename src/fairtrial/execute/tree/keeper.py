"""A keeper: the process that sets up what trials share, hands out its handle, and tears it down in the end."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from select import POLLIN, poll
from typing import Any

from fairtrial.errors import FairtrialError
from fairtrial.execute.machine.limits import TICK_S, Cgroups, Meter
from fairtrial.execute.machine.linux import Children, Kernel, end_all
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.shared import ails
from fairtrial.execute.trial.wire import Closed, Wire, load

TEND_S = 0.2
"""How often what is shared is asked whether it still works."""
DYING_S = 0.3
"""How long it must still work after a trial failed, to be called well: a dying server resets connections first."""


class Keeper:
    """Serves one key. SIGTERM (from the guardian, or because it died) and the driver's word both mean: tear down."""

    def __init__(self, config: Mapping[str, Any], wire: Wire) -> None:
        self._config, self._wire = config, wire
        self._wake, wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._ending = False
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._note)
        self._owner: Any = None
        self._handle: Any = None
        self._due = 0.0
        self._well_at: float | None = None
        """When the driver's question is answered."""

    def set_up(self) -> bool:
        """Start what is shared and report its handle, or why there is none."""
        try:
            runner = worker.loader(self._config)()
            self._owner = runner if hasattr(runner, "setup") else worker.Plugin({"entry": self._config["system"]})
            scratch = Path(self._config["scratch"])
            scratch.mkdir(parents=True, exist_ok=True)
            self._handle = json.loads(json.dumps(self._owner.setup(self._config["parameters"], scratch)))
        except BaseException as problem:  # noqa: BLE001 told to the driver, whose trials it fails
            traceback.print_exc()
            self._say(["failed", *refusal(problem)])
            return False
        self._say(["tends", self._tend is not None], ["ready", self._handle])
        return True

    @property
    def _tend(self) -> Callable[[Any], str] | None:
        """Return what says whether the shared thing ails; None where nobody can say."""
        found: Callable[[Any], str] | None = getattr(self._owner, "ailing", None)
        return found

    def wait(self) -> None:
        """Wait until somebody says to tear down, or until it takes more memory than it may."""
        meter = Meter(os.getpid(), share_bytes=0, limit_bytes=self._config["memory_bytes"])
        waiting = poll()
        waiting.register(self._wake, POLLIN)
        waiting.register(self._wire.descriptor, POLLIN)
        while not self._ending:
            ready = [descriptor for descriptor, _ in waiting.poll(TICK_S * 1000)]
            if self._wire.descriptor in ready and not self._answer():
                return
            if meter.overshoot():
                self._say(["failed", "the shared resource was ended at the memory limit"])
                return
            if time.monotonic() >= self._due and self._ails():
                return
            if self._well_at is not None and time.monotonic() >= self._well_at:
                self._well_at = None
                self._say(["well"])

    def _answer(self) -> bool:
        """Take the driver's question whether all is well; say whether it was one: anything else means the end."""
        try:
            records, _ = self._wire.receive()
        except Closed:
            return False
        self._due, self._well_at = 0.0, time.monotonic() + DYING_S
        return all(record[0] == "ask" for record in records)

    def _ails(self) -> bool:
        """Ask what is shared whether it still works, and tell the driver where it does not."""
        self._due = time.monotonic() + (TEND_S if self._well_at is None else 0.0)
        if self._tend is None:
            return False
        why = worker.one_line(ails(self._tend, self._handle))
        if why:
            self._say(["failed", why])
        return bool(why)

    def tear_down(self) -> None:
        """Stop what is shared."""
        try:
            self._owner.teardown(self._handle)
        except BaseException as problem:  # noqa: BLE001 told to the driver as a caution
            traceback.print_exc()
            self._say(["untidy", worker.one_line(f"{type(problem).__name__}: {problem}")])

    def _say(self, *records: list[Any]) -> None:
        try:
            self._wire.send(list(records))
        except Closed:
            self._ending = True

    def _note(self, number: int, frame: Any) -> None:
        self._ending = True


def refusal(problem: BaseException) -> tuple[str, int]:
    """Put into words why a set-up failed; with the exit code of an error that names the user's mistake, or a part."""
    if isinstance(problem, FairtrialError):
        return worker.one_line(str(problem)), problem.exit_code
    return worker.one_line(f"{type(problem).__name__}: {problem}"), 0


def main(arguments: Sequence[str]) -> None:
    """Keep: `config-file guardian-pid socket outer-proc`."""
    file, guardian, socket, proc = arguments
    kernel = Kernel()
    kernel.die_with_parent(signal.SIGTERM)
    if os.getppid() != int(guardian):
        return
    os.setsid()
    kernel.adopt_orphans()
    kernel.rename("ft-keeper")
    config = load(file)
    worker.set_import_path(config["folder"], config["path"])
    for descriptor in filter(None, (socket, proc)):
        os.set_inheritable(int(descriptor), False)  # noqa: FBT003
    if config["memory_bytes"] is not None:
        _limit(config)
    keeper = Keeper(config, Wire(int(socket), f"{config['root']}/slots"))
    if keeper.set_up():
        keeper.wait()
        keeper.tear_down()
    end_all(Children())
    sys.stdout.flush()
    os._exit(0)


def _limit(config: Mapping[str, Any]) -> None:
    group = Cgroups(config["groups"]).slot(config["name"])
    if group is not None:
        group.limit(config["memory_bytes"])
        group.enter()
