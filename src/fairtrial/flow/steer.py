"""Steering a run from another terminal: `watch`, `cancel`, `pause`, `resume`, `set`, and starting one detached."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.errors import FairtrialError, UserError
from fairtrial.flow.book import locate, reading, writing
from fairtrial.model.identity import digest_bytes
from fairtrial.model.progress import Progress

LAUNCH_TIMEOUT_S = 60.0


def ask(home: Path | None, target: str | None, message: Mapping[str, Any]) -> dict[str, Any]:
    """Send a message to the runner of a study (or of a run's number; the only running one by default).

    Raises UserError where nothing listens.
    """
    from fairtrial.execute.loop.control import request

    return dict(request(locate(home), study_of(home, target), message))


def act(
    home: Path | None, target: str | None, message: Mapping[str, Any], *, why: str, command: Sequence[str]
) -> dict[str, Any]:
    """Send a message that changes something, and put it into the action log."""
    answer = ask(home, target, message)
    with writing(home) as book:
        run = book.ledger.run(study=study_of(home, target))
        book.act(str(message["verb"]), why=why, command=command, run=run.number, detail={**message, "study": run.study})
    return answer


def study_of(home: Path | None, target: str | None) -> str:
    """Return the study that a name, a run's number or nothing (the newest run) means."""
    with reading(home) as book:
        if target is None or target.isdigit():
            return book.ledger.run(None if target is None else int(target)).study
        names = sorted({run.study for run in book.ledger.runs()})
        return target if target in names else book.ledger.run(study=target).study


def running_trial(home: Path | None, reference: str) -> tuple[str, str]:
    """Return the study and the digest of a trial that is not settled. Raises UserError where it is."""
    from fairtrial.flow.read import find

    with reading(home) as book:
        row = find(book.ledger, reference)
        if row.status is not None:
            raise UserError(f"trial {reference} is not running: it is {row.status.value}")
        return book.ledger.run(row.run).study, row.digest.hex()


def watch(home: Path | None, target: str | None, *, every_s: float = 0.5) -> Iterator[Progress]:
    """Yield the progress of a running study until it ends; the last one is read from the book."""
    study = study_of(home, target)
    while True:
        try:
            yield Progress(**ask(home, study, {"verb": "status"})["progress"])
        except UserError:
            break
        time.sleep(every_s)
    with reading(home) as book:
        run = book.ledger.run(study=study)
    yield Progress(
        run=run.number,
        study=study,
        state=run.state,
        total=run.planned,
        done=run.done + run.pruned,
        failed=run.failed,
        running=0,
        reused=run.reused,
        jobs=0,
    )


@dataclass(frozen=True, slots=True)
class Launch:
    """A detached run that has started: printed as one record once its control socket listens."""

    study: str
    pid: int
    log: str


def detach(home: Path | None, study: str, argv: Sequence[str]) -> Launch:
    """Start `fairtrial run` in a session of its own, and return once its control socket listens or it has ended well.

    Raises FairtrialError with the end of its output where it ends badly before that.
    """
    log = log_path(home, study)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        offset = output.tell()
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "fairtrial", *argv],
            {**os.environ, "FAIRTRIAL_DETACHED": "1"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
            ],
            setsid=True,
        )
    code = _await_start(home, study, pid)
    if code not in (None, 0, 3, 7):
        said = log.read_bytes()[offset:].decode(errors="replace").strip().splitlines()
        error = FairtrialError(
            said[-1].removeprefix("fairtrial: ") if said else "the detached run did not start",
            hint=f"its output is in {log}",
        )
        error.exit_code = code or 1
        raise error
    return Launch(study=study, pid=pid, log=str(log))


def _await_start(home: Path | None, study: str, pid: int) -> int | None:
    """Wait until the process listens (None) or has ended (its exit code)."""
    from fairtrial.execute.loop.control import request

    deadline = time.monotonic() + LAUNCH_TIMEOUT_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        try:
            if request(locate(home), study, {"verb": "status"})["pid"] == pid:
                return None
        except UserError:
            time.sleep(0.02)
    return 1


def log_path(home: Path | None, study: str) -> Path:
    """Return where a detached run of a study writes its output."""
    return locate(home) / "logs" / f"{digest_bytes(study.encode()).hex()[:12]}.log"


def done_record(run: int, study: str, state: str, exit_code: int) -> str:
    """Return the last line of a detached run's output; a crash leaves none."""
    return json.dumps({"record": "done", "run": run, "study": study, "state": state, "exit_code": exit_code})
