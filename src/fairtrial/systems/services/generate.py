"""The program of a generator process: `python -m fairtrial.systems.services.generate CONFIG`, started by `load.crew`.

It says JSON lines on its output: `{"ready": …}`, then `{"done": …}` or `{"failed": …}`; and reads the instant of the
start from its input, which ends when whoever started it is gone: then it ends too.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairtrial.errors import FairtrialError
from fairtrial.systems.services.load.generator import Task, serve
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.targets.known import adapter

ORPHANED = 3
SET_PDEATHSIG = 1


class Line:
    """The crew at the other end of standard input and output."""

    async def start(self) -> int:
        """Say that all is connected; wait for the begin of the load."""
        say({"ready": os.getpid()})
        loop = asyncio.get_running_loop()
        told: asyncio.Future[int] = loop.create_future()
        loop.add_reader(sys.stdin.fileno(), self._read, told)
        return await told

    def _read(self, told: asyncio.Future[int]) -> None:
        text = os.read(sys.stdin.fileno(), 64)
        if not text:
            os._exit(ORPHANED)
        told.set_result(int(text))


def main() -> int:
    """Do what the configuration says; what fails is told, in one line, and is the crew's to raise."""
    config = json.loads(Path(sys.argv[1]).read_text())
    die_with(config["crew"])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file
    try:
        say({"done": serve(adapter(config["target"]), task(config), Line())})
    except FairtrialError as problem:
        kinds = [kind.__name__ for kind in type(problem).__mro__]
        say({"failed": {"kinds": kinds, "message": problem.message, "hint": problem.hint}})
        return 1
    except OSError as problem:
        about = {"kinds": ["OSError"], "number": problem.errno, "message": problem.strerror or str(problem)}
        say({"failed": about | {"file": str(problem.filename or config["part"])}})
        return 1
    return 0


def die_with(crew: int) -> None:
    """End when the process that started this one ends (Linux; elsewhere the end of the input says so)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != crew:
        sys.exit(ORPHANED)


def task(config: Mapping[str, Any]) -> Task:
    """Read what this process is to do."""
    plain = {name: config[name] for name in ("endpoint", "seed", "worker", "processes")}
    return Task(load=Load.model_validate(config["load"]), part=Path(config["part"]), **plain)


def say(words: Mapping[str, Any]) -> None:
    """Tell the crew."""
    os.write(sys.stdout.fileno(), json.dumps(words).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
