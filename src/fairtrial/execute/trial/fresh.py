"""A trial in an interpreter of its own: what the trial's process becomes where forking from a warm parent is unsafe."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from fairtrial.execute.trial import worker
from fairtrial.execute.trial.child import CRASHED, SocketChannel, Stop, become_program, leave, run_function
from fairtrial.execute.trial.seeding import Seeds
from fairtrial.execute.trial.wire import Frames, Wire, load


def main(arguments: Sequence[str]) -> None:
    """Run the job of a file and end: `config-file job-file (descriptor | file for results) [descriptor of answers]`."""
    config_file, job_file, where, answers = arguments
    code = CRASHED
    try:
        config, job = load(config_file), load(job_file)
        worker.set_import_path(config["folder"], config["path"])
        for inherited in filter(str.isdigit, (where, answers)):
            os.set_inheritable(int(inherited), False)  # noqa: FBT003
        wire = Wire(int(where), f"{config['root']}/slots") if where.isdigit() else Frames(where)
        channel = SocketChannel(wire, Stop(), int(answers) if answers else None)
        if config["executes"]:
            become_program(worker.loader(config), job, root=config["root"], channel=channel)
        Seeds().plant(job["m"][0][1])
        wire.send(run_function(worker.loader(config), job, root=config["root"], channel=channel))
        code = 0
    except BaseException as problem:  # noqa: BLE001 printed on the trial's stderr
        sys.excepthook(type(problem), problem, problem.__traceback__)
    leave(code)
