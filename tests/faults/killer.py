"""Kills parts of a running study from outside, round after round, and writes what it hit: one JSON line a round.

    python killer.py FOLDER FIRST COUNT [PHASE VICTIMS]

A round runs `fairtrial run` in a folder of its own, waits for a drawn phase (see `phases`), and kills drawn victims at
one instant. Then the same command runs until it exits 0, and the round says what differs from an undisturbed run.
Nothing in the product helps the killer. With PHASE and VICTIMS (`run "driver parent"`) nothing is drawn, and no driver
may make a PID namespace.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import processes as ps
from evidence import Evidence
from phases import PHASES, Watch

STUDY = Path(__file__).parent / "study"
VICTIMS = {
    "driver": 4,
    "guardian": 2,
    "parent": 3,
    "trial": 2,
    "grandchild": 1,
    "guardian parent": 1,
    "driver parent": 2,
    "driver guardian": 2,
    "driver guardian parent": 2,
    "driver guardian parent trial grandchild": 2,
}
"""What is killed at one instant -> how often it is drawn, relative to the others."""

ENDS_WITHIN_S = 60.0
GONE_WITHIN_S = 10.0
SOON_S = 0.5
STARTS = 4
STUCK = 99
"""Stands for the exit code of a driver that did not end by itself."""

NO_NAMESPACE = 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"'
"""Inside a user namespace of its own: from here on nobody may make a PID namespace, as on a restricted account."""


class Round:
    """One round: the number draws the phase, the victims, and whether PID namespaces are permitted."""

    def __init__(self, number: int, folder: Path, forced: tuple[str, str] | None = None) -> None:
        self.number = number
        self.rng = random.Random(f"kill-rounds/{number}")
        self.token = str(uuid.uuid4())
        self.phase = PHASES[number % len(PHASES)]
        self.victims = self.rng.choices(list(VICTIMS), list(VICTIMS.values()))[0].split()
        self.restricted = self.rng.random() < 0.5 and may_restrict()
        if forced:
            self.phase, self.victims, self.restricted = forced[0], forced[1].split(), may_restrict()
        self.evidence = Evidence(folder)
        shutil.copytree(STUDY, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def start(self) -> subprocess.Popen[bytes]:
        """Start the study's command; the process is the driver itself, without a shell between.

        Only a round's first start is restricted: a user namespace of its own could not look into its sibling.
        """
        durability = "full" if self.number % 2 else "normal"
        command = [sys.executable, "-m", "fairtrial", "run", "study.yaml", f"durability={durability}"]
        restricted, self.restricted = self.restricted, False
        if restricted:
            command = [*RESTRICT, NO_NAMESPACE, "sh", *command]
        environment = {**os.environ, "FAULTS_ROUND": self.token, "FAULTS_SIDE_LOG": str(self.evidence.log)}
        with (self.evidence.folder / "output.txt").open("ab") as output:
            return subprocess.Popen(command, cwd=self.evidence.folder, env=environment, stdout=output, stderr=output)

    def family(self) -> set[int]:
        """Return the living processes that this round's drivers started, and the drivers."""
        return ps.carrying(f"FAULTS_ROUND={self.token}")

    def roles(self, watch: Watch) -> dict[str, list[int]]:
        """Return the living processes by role; before the first trial began, all below the driver is `below`."""
        below = self.family() - {watch.driver, *watch.chain}
        if not watch.chain:
            return {"driver": [watch.driver], "below": sorted(below)}
        adopted = set(watch.adopted())
        trials = {pid for pid in below if ps.parent_of(pid) == watch.parent} - adopted
        return {
            "driver": [watch.driver],
            "guardian": list(watch.chain[:-1]),
            "parent": list(watch.chain[-1:]),
            "trial": [watch.target] if watch.target in below else sorted(trials),
            "grandchild": sorted(below - trials - {watch.target}),
        }

    def strike(self, watch: Watch) -> dict[str, list[int]]:
        """Kill the drawn victims at one instant; return who was alive and is dead now, by role."""
        roles = self.roles(watch)
        drawn = {role if role in roles else "below" for role in self.victims}
        hit = {role: [pid for pid in roles[role] if ps.alive(pid)] for role in sorted(drawn)}
        ps.kill_at_once(pid for pids in hit.values() for pid in pids)
        ps.send(signal.SIGCONT, self.family())
        return {role: pids for role, pids in hit.items() if pids}

    def end(self, driver: subprocess.Popen[bytes]) -> int:
        """Wait for a driver and return its exit code; one that does not end is killed, with all that is its."""
        try:
            return driver.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            ps.kill_at_once(self.family())
            driver.wait()
            return STUCK

    def left(self, within_s: float) -> list[str]:
        """Return the command lines of processes that are still there when the time is up."""
        end = time.monotonic() + within_s
        while (there := self.family()) and time.monotonic() < end:
            time.sleep(0.02)
        return [ps.command_line(pid) for pid in there if ps.alive(pid)]

    def play(self, span_s: float) -> dict[str, Any]:
        """Run the round and return its record; `span_s` is how long the study takes undisturbed."""
        driver = self.start()
        watch = Watch(driver.pid, self.evidence, self.rng, span_s=span_s)
        met = watch.hunt(self.phase, lambda: driver.poll() is not None)
        record: dict[str, Any] = {"round": self.number, "drawn": self.phase, "phase": self.phase if met else "missed"}
        family, own = self.family(), ps.namespace(os.getpid())
        record["family"] = len(family)
        record["namespace"] = any(ps.namespace(pid) not in ("", own) for pid in family)
        before = self.evidence.settled()
        record["victims"] = self.strike(watch) if met else {}
        codes = [self.end(driver)]
        killed = set(record["victims"])
        unguarded = "driver" in killed and ("below" in killed or {"guardian", "parent"} <= killed)
        record["unguarded"] = unguarded and not record["namespace"]
        record["left_after_kill"] = self.left(SOON_S if record["unguarded"] else GONE_WITHIN_S)
        record |= self._judge(codes, before)
        ps.kill_at_once(self.family())
        return record

    def _judge(self, codes: list[int], before: dict[Any, Any]) -> dict[str, Any]:
        """Start the same command until it exits 0, and say what became of what the book held before and after."""
        after, began = self.evidence.settled(), len(self.evidence.side("began"))
        while codes[-1] != 0 and len(codes) < STARTS:
            codes.append(self.end(self.start()))
        final = self.evidence.settled()
        again = {line[1:] for line in self.evidence.side("began")[began:]}
        return {
            "codes": codes,
            "left_at_end": self.left(GONE_WITHIN_S),
            "lost": [key for key, row in before.items() if after.get(key) != row],
            "changed": [key for key, row in after.items() if final.get(key) != row],
            "repeated": sorted(again & set(after)),
            "verify": self.evidence.ask("verify"),
            "table": self.evidence.table(),
            "output": (self.evidence.folder / "output.txt").read_text()[-2000:] if set(codes) - {0, -9} else "",
        }


RESTRICT = ("unshare", "--user", "--map-root-user", "sh", "-c")


def may_restrict() -> bool:
    """Say whether this machine lets us take the right to make PID namespaces from a driver."""
    try:
        return subprocess.run([*RESTRICT, NO_NAMESPACE, "sh", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def calm(folder: Path) -> tuple[list[dict[str, Any]], float]:
    """Run the study undisturbed; return its table and how long it took."""
    undisturbed, began = Round(-1, folder), time.monotonic()
    if undisturbed.end(undisturbed.start()):
        raise SystemExit((folder / "output.txt").read_text())
    span_s = time.monotonic() - began
    return undisturbed.evidence.table(), span_s


def main(folder: Path, first: int, count: int, *forced: str) -> None:
    """Play rounds and print their records; of a table only what differs from the undisturbed one is kept."""
    expected, span_s = calm(folder / "calm")
    for number in range(first, first + count):
        record = Round(number, folder / f"round-{number}", (forced[0], forced[1]) if forced else None).play(span_s)
        table = record["table"]
        record["table"] = [row for row in table if row not in expected]
        record["missing"] = [row for row in expected if row not in table]
        record["surplus"] = len(table) - len(expected)
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
