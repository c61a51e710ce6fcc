"""Kills parts of a running study from outside, round after round, and writes what it hit: one JSON line a round.

    python killer.py FOLDER FIRST COUNT

A round starts `fairtrial run` in a folder of its own, waits until a drawn number of trials began, watches for a drawn
phase, stops the processes that matter, looks again whether they are in that phase, and only then kills its victims at
one instant. Nothing in the product helps: phases are seen through /proc, the file locks and the subject's side log.

- fork: the parent has a child that is not yet in the subject's code
- run: a trial is in the subject's code
- result: a trial has computed its result, and the book does not have it
- commit: the driver holds the book's write lock
- cleanup: a trial is gone and what it left behind is not, or all is settled and the driver is still there
- any: whatever it is at a drawn delay after the start

Then the same command runs until it exits 0, and the round says what differs from an undisturbed run.
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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import processes as ps
from fairtrial.store.book import open_book

from fairtrial.errors import FairtrialError

STUDY = Path(__file__).parent / "study"
PHASES = ("fork", "run", "result", "commit", "cleanup", "any")
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

WRITE_LOCK_BYTE = 120
"""SQLite's WAL_WRITE_LOCK in the -shm file: held by a connection that is inside a write transaction."""

PATIENCE_S = 60.0
GONE_WITHIN_S = 10.0
NO_NAMESPACE = 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"'
"""Inside a user namespace of its own: from here on nobody may make a PID namespace, as on an ordinary account."""


@dataclass
class Round:
    """One round: the study's folder, the drawn plan of the kill, and what is known of the processes."""

    number: int
    folder: Path
    rng: random.Random = field(init=False)
    token: str = field(init=False)
    phase: str = field(init=False)
    victims: str = field(init=False)
    plain: bool = field(init=False)
    driver: int = 0
    chain: tuple[int, ...] = ()
    """Guardian (and what stands between) down to the parent; empty before the first trial began."""
    target: int = 0
    """The trial that is in the phase."""
    seen: tuple[int, ...] = ()
    """The last end that `in_result` looked at."""

    def __post_init__(self) -> None:
        self.rng = random.Random(f"kill-rounds/{self.number}")
        self.token = f"FAULTS_ROUND={uuid.UUID(int=self.rng.getrandbits(128))}"
        self.phase = PHASES[self.number % len(PHASES)]
        self.victims = self.rng.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        self.plain = self.rng.random() < 0.5
        shutil.copytree(STUDY, self.folder, ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def parent(self) -> int:
        return self.chain[-1] if self.chain else 0

    def start(self) -> subprocess.Popen[bytes]:
        """Start the study's command; the driver is the process itself, without a shell between."""
        durability = "full" if self.number % 2 else "normal"
        command = [sys.executable, "-m", "fairtrial", "run", "study.yaml", f"durability={durability}"]
        if self.plain:
            command = ["unshare", "--user", "--map-root-user", "sh", "-c", NO_NAMESPACE, "sh", *command]
        name, _, value = self.token.partition("=")
        environment = {**os.environ, name: value, "FAULTS_SIDE_LOG": str(self.folder / "side.log")}
        with (self.folder / "output.txt").open("ab") as output:
            popen = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=output, stderr=output)
        self.driver, self.chain = popen.pid, ()
        return popen

    def side(self, word: str) -> list[tuple[int, ...]]:
        """Return the side log's lines of a kind (began, ended, grand), as numbers; pids as in the trial's namespace."""
        try:
            lines = (self.folder / "side.log").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [tuple(map(int, line.split()[1:])) for line in lines if line.startswith(word)]

    def settled(self) -> dict[tuple[int, int], list[Any]]:
        """Return what the book holds as settled: (x, seed) -> [status, attempt, metrics]."""
        try:
            book = open_book(self.folder / ".fairtrial", write=False)
        except FairtrialError:
            return {}
        try:
            rows = book.ledger.trials(book.ledger.run().number)
            return {
                (row.assignment["x"], row.seed): [str(row.status), row.attempt, dict(row.metrics)]
                for row in rows
                if row.status is not None
            }
        except FairtrialError:
            return {}
        finally:
            book.close()

    # -- watching ------------------------------------------------------------------------------------------------

    def find_chain(self) -> None:
        """Find what stands between driver and trials: the ancestors of a process that began a trial."""
        began = {line[0] for line in self.side("began")[-4:]}
        for pid in ps.descendants(self.driver):
            if ps.inner(pid) in began and ps.session_of(pid) not in (0, ps.session_of(ps.parent_of(pid))):
                chain = []
                ancestor = ps.parent_of(pid)
                while ancestor not in (0, 1, self.driver):
                    chain.insert(0, ancestor)
                    ancestor = ps.parent_of(ancestor)
                if ancestor == self.driver and len(chain) >= 2:
                    self.chain = tuple(chain)
                    return

    def trials(self) -> list[int]:
        """Return the parent's children that are in the subject's code: began, not ended."""
        ended = {line[0] for line in self.side("ended")}
        inside = {line[0] for line in self.side("began")} - ended
        return [pid for pid in ps.children(self.parent) if ps.inner(pid) in inside]

    def adopted(self) -> list[int]:
        """Return what the parent or a guardian has adopted from a trial that is gone, and not yet killed."""
        left = {line[0] for line in self.side("grand")}
        found = [pid for keeper in self.chain for pid in ps.children(keeper) if pid not in self.chain and ps.alive(pid)]
        sessions = {ps.session_of(keeper) for keeper in self.chain}
        return [pid for pid in found if ps.inner(pid) in left or ps.session_of(pid) not in {pid, 0, *sessions}]

    def in_fork(self) -> bool:
        """Stop the parent and its newest child, and say whether the child has not reached the subject."""
        began = {line[0] for line in self.side("began")}
        young = [pid for pid in ps.children(self.parent) if ps.inner(pid) not in began]
        if not young or not ps.stop([self.parent, young[-1]]):
            return False
        self.target = young[-1]
        known = {line[0] for word in ("began", "grand") for line in self.side(word)}
        return ps.alive(self.target) and ps.inner(self.target) not in known and self.target not in self.adopted()

    def in_run(self) -> bool:
        """Stop a trial and say whether it is in the subject's code."""
        running = self.trials()
        self.target = self.rng.choice(running) if running else 0
        return bool(running) and ps.stop([self.target]) and ps.alive(self.target) and self.target in self.trials()

    def in_result(self) -> bool:
        """Stop the driver once a trial ended, and say whether the book does not have its result yet."""
        ended = self.side("ended")
        if not ended or ended[-1] == self.seen:
            return False
        self.seen = ended[-1]
        if not ps.stop([self.driver]) or not ps.alive(self.driver):
            return False
        self.target = next((pid for pid in ps.children(self.parent) if ps.inner(pid) == ended[-1][0]), 0)
        return ended[-1][1:] not in self.settled()

    def in_commit(self) -> bool:
        """Stop the driver when the book changes, and say whether it stands inside a write transaction."""
        wal, shared = self.folder / ".fairtrial/book.db-wal", self.folder / ".fairtrial/book.db-shm"
        try:
            before = wal.stat()
            end = time.monotonic() + 0.05
            while (now := wal.stat()).st_mtime_ns == before.st_mtime_ns and now.st_size == before.st_size:
                if time.monotonic() > end:
                    return False
            time.sleep(self.rng.random() * 2e-4)
            inode = shared.stat().st_ino
        except FileNotFoundError:
            return False
        return ps.stop([self.driver]) and (inode, WRITE_LOCK_BYTE, "WRITE") in ps.locks(self.driver)

    def in_cleanup(self) -> bool:
        """Stop the keepers when a trial's left-overs are theirs, and say whether those are still alive; or the end."""
        if self.adopted() and ps.stop(self.chain):
            return bool(self.adopted())
        if len(self.side("ended")) >= 40 and ps.stop([self.driver]):
            return ps.alive(self.driver) and len(self.settled()) == 40
        return False

    def hunt(self, popen: subprocess.Popen[bytes]) -> bool:
        """Watch until the phase is met and everything stands still; False where the study ended before."""
        if self.phase == "any":
            time.sleep(self.rng.random() * 1.5)
            self.find_chain()
            return popen.poll() is None
        skip = self.rng.randrange(1, 24)
        look: Callable[[], bool] = getattr(self, f"in_{self.phase}")
        while popen.poll() is None:
            if len(self.side("began")) < skip:
                time.sleep(0.002)
            elif not self.chain:
                self.find_chain()
            elif look():
                return True
            else:
                ps.send(signal.SIGCONT, [self.driver, *self.chain, *filter(None, [self.target])])
                if not ps.alive(self.parent):
                    self.chain = ()
        return False

    def strike(self) -> dict[str, list[int]]:
        """Kill the drawn victims at one instant; return what was killed, by role."""
        family = ps.carrying(self.token) - {self.driver, *self.chain}
        trials = [pid for pid in family if ps.parent_of(pid) == self.parent and pid not in self.adopted()]
        target = [self.target] if self.target in family else trials
        known = {
            "driver": [self.driver],
            "guardian": list(self.chain[:-1]),
            "parent": list(self.chain[-1:]),
            "trial": target,
            "grandchild": sorted(family - set(trials) - {self.target}),
        }
        hit = {role: [pid for pid in known[role] if ps.alive(pid)] for role in self.victims.split()}
        ps.kill_at_once(pid for pids in hit.values() for pid in pids)
        ps.send(signal.SIGCONT, ps.carrying(self.token))
        return {role: pids for role, pids in hit.items() if pids}

    # -- judging -------------------------------------------------------------------------------------------------

    def left(self, within_s: float) -> list[str]:
        """Return the command lines of the study's processes that are still there when the time is up."""
        end = time.monotonic() + within_s
        while (there := ps.carrying(self.token)) and time.monotonic() < end:
            time.sleep(0.02)
        return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in there if ps.alive(pid)]

    def play(self) -> dict[str, Any]:
        """Run the round; return its record."""
        popen = self.start()
        hit = self.hunt(popen)
        before = self.settled()
        apart = bool(self.chain) and ps.namespace(self.parent) != ps.namespace(os.getpid())
        killed = self.strike() if hit else {}
        code = popen.wait(PATIENCE_S)
        left = self.left(GONE_WITHIN_S)
        after, told = self.settled(), len(self.side("began"))
        codes = [code]
        while codes[-1] != 0 and len(codes) < 4:
            codes.append(self.start().wait(PATIENCE_S))
        final = self.settled()
        again = {line[1:] for line in self.side("began")[told:]}
        return {
            "round": self.number,
            "phase": self.phase if hit else "missed",
            "drawn": self.phase,
            "victims": killed,
            "namespace": apart,
            "codes": codes,
            "left_after_kill": left,
            "left_at_end": self.left(GONE_WITHIN_S),
            "lost": [key for key, row in before.items() if after.get(key) != row],
            "changed": [key for key, row in after.items() if final.get(key) != row],
            "repeated": sorted(again & set(after)),
            "verify": self.ask("verify"),
            "table": self.table(),
            "output": (self.folder / "output.txt").read_text()[-2000:] if codes[-1] else "",
        }

    def ask(self, *words: str) -> int:
        """Run a verb and return its exit code."""
        command = [sys.executable, "-m", "fairtrial", *words]
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode

    def table(self) -> list[Any]:
        """Return the final table as it is exported, without times."""
        if self.ask("export", "1", "--format", "json", "-o", "exported"):
            return []
        return without_times(json.loads((self.folder / "exported" / "trials.json").read_text()))


TIMES = ("wall_s", "cpu_s", "peak_bytes", "started", "ended", "attempt", "created", "updated", "run")


def without_times(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop what no two runs share from the rows of a table."""
    return [{name: value for name, value in row.items() if name not in TIMES} for row in table]


def calm(folder: Path) -> list[Any]:
    """Run the study undisturbed and return its table."""
    quiet = Round(-1, folder)
    quiet.plain = False
    if quiet.start().wait(PATIENCE_S):
        raise SystemExit((folder / "output.txt").read_text())
    return quiet.table()


def main(folder: Path, first: int, count: int) -> None:
    """Play the rounds and print a record for each; the table is compared here and dropped where it is the same."""
    expected = calm(folder / "calm")
    for number in range(first, first + count):
        record = Round(number, folder / f"round-{number}").play()
        record["table"] = [row for row in record["table"] if row not in expected] or len(record["table"]) - len(
            expected
        )
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
