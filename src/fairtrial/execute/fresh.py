"""A trial in an interpreter of its own: what the trial's process becomes where forking from a warm parent is unsafe."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from fairtrial.execute import worker
from fairtrial.execute.trial import CRASHED, leave, run_function
from fairtrial.execute.wire import Wire


def main(arguments: Sequence[str]) -> None:
    """Run the job of a file and send its result on an inherited descriptor, then end."""
    config_file, job_file, descriptor, answers = arguments
    code = CRASHED
    try:
        with open(config_file, encoding="utf-8") as file:
            config = json.load(file)
        with open(job_file, encoding="utf-8") as file:
            job = json.load(file)
        worker.set_import_path(config["folder"], config["path"])
        wire = Wire(int(descriptor), f"{config['root']}/slots")
        for inherited in filter(None, (descriptor, answers)):
            os.set_inheritable(int(inherited), False)  # noqa: FBT003
        reply = int(answers) if answers else None
        wire.send(run_function(worker.loader(config), job, root=config["root"], wire=wire, answers=reply))
        code = 0
    except BaseException as problem:  # noqa: BLE001 printed on the trial's stderr
        sys.excepthook(type(problem), problem, problem.__traceback__)
    leave(code)
