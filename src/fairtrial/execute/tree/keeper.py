"""A keeper: the process that sets up what trials share, hands out its handle, and tears it down in the end."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from select import POLLIN, poll
from typing import Any

from fairtrial.execute.machine.limits import TICK_S, Cgroups, Meter
from fairtrial.execute.machine.linux import Children, Kernel, end_all
from fairtrial.execute.trial import worker
from fairtrial.execute.trial.wire import Closed, Wire, load


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
            self._say("failed", worker.one_line(f"{type(problem).__name__}: {problem}"))
            return False
        self._say("ready", self._handle)
        return True

    def wait(self) -> None:
        """Wait until somebody says to tear down, or until it takes more memory than it may."""
        meter = Meter(os.getpid(), share_bytes=0, limit_bytes=self._config["memory_bytes"])
        waiting = poll()
        waiting.register(self._wake, POLLIN)
        waiting.register(self._wire.descriptor, POLLIN)
        while not self._ending:
            if self._wire.descriptor in [ready for ready, _ in waiting.poll(TICK_S * 1000)]:
                return
            if meter.overshoot():
                self._say("failed", "the shared resource was ended at the memory limit")
                return

    def tear_down(self) -> None:
        """Stop what is shared."""
        try:
            self._owner.teardown(self._handle)
        except BaseException as problem:  # noqa: BLE001 told to the driver as a caution
            traceback.print_exc()
            self._say("untidy", worker.one_line(f"{type(problem).__name__}: {problem}"))

    def _say(self, kind: str, word: Any) -> None:
        try:
            self._wire.send([[kind, word]])
        except Closed:
            self._ending = True

    def _note(self, number: int, frame: Any) -> None:
        self._ending = True


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
