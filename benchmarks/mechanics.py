"""fairtrial's engine alone: isolated trials with limits, capture and clean-up, nothing planned and nothing stored.

Usage: mechanics.py N JOBS namespace|plain

Prints the seconds from the first task to the last, and the CPU seconds of this process (the driver) in them.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import measure

from fairtrial.contract.engine import Ended, EngineSettings, Session
from fairtrial.execute.local import Local
from fairtrial.execute.machine.orphans import mark
from fairtrial.model.trial import Member, Task
from fairtrial.systems.function.system import bind


def loop(session: Session, first: int, n: int) -> None:
    """Run n tasks with limits, keeping the engine as full as it lets us."""
    sent = done = 0
    while done < n:
        while sent < n and session.room():
            parameters = {"a": sent, "b": 1.5, "c": "x", "d": 2, "e": 0.1}
            session.submit(Task(first + sent, (Member(first + sent, parameters, seed=sent),), wall_s=60.0))
            sent += 1
        ended = [report for report in session.poll(1.0) if isinstance(report, Ended)]
        failed = [one.outcomes[0].failure for one in ended if one.outcomes[0].failure]
        if failed:
            raise SystemExit(failed[0].message)
        done += len(ended)


def main() -> None:
    """Run a few tasks, then the measured ones."""
    n, jobs, namespace = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "namespace"
    system = bind("noop:measure", measure.HERE, {})
    settings = EngineSettings(jobs=jobs, scratch=Path("scratch"), mark=mark("bench"))
    session = Local(namespace=namespace).open(system, system.target(), settings)
    try:
        loop(session, 0, 20)
        used, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        loop(session, 1000, n)
        seconds, now = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    finally:
        session.close(kill=True)
    driver_cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    print(json.dumps({"seconds": seconds, "driver_cpu_s": driver_cpu_s}))


if __name__ == "__main__":
    main()
