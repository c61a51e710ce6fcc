"""The command that settles a comparison which is open: one that is not refused."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from fairtrial.contract.journal import Ledger
from fairtrial.contract.registry import Registry
from fairtrial.errors import FairtrialError
from fairtrial.model.comparison import Comparison, Gate, Status

VALUED = ("--rounds", "--looks", "--most", "--why", "--junit")
PLAIN = ("-q", "--quiet", "--json", "--markdown")
"""Options of a command that its repetition goes without."""


def remedy(ledger: Ledger, found: Comparison) -> str:
    """Return the command that settles a comparison; '' where it is settled.

    Runs that were made side by side are made again with the rounds that are needed. Of runs of different times both
    systems are measured again where they still are what they were; else the old one has to be brought back first.
    """
    one, other = found.baseline.run, found.current.run
    if found.verdict in (Gate.PASS, Gate.FAIL):
        return ""
    if found.mode != "cross-time":
        return again(_command(ledger, other), rounds_of(found))
    if found.verdict is Gate.INVALID:
        lacking = next((run for run in (other, one) if ledger.run(run).failed), other)
        return f"fairtrial show {lacking} --failed"
    if ledger.run(one).system_digest != ledger.run(other).system_digest and all(_here(ledger, n) for n in (one, other)):
        return f"fairtrial gate {other} --against {one} --confirm"
    return apart(ledger, other)


def apart(ledger: Ledger, run: int) -> str:
    """Return the command that measures a study beside its former state, which lies in a folder of its own."""
    said = (action["detail"].get("config") for action in ledger.actions(run))
    file = Path(next(filter(None, said), "study.yaml"))
    return f"fairtrial compare --paired THERE/{file.name} {file}"


def rounds_of(found: Comparison) -> int | None:
    """Return the rounds that would settle every open change; None where nobody can say."""
    wanted = [change.needed.replicates for change in found.changes if change.gating and change.status is Status.UNCLEAR]
    known = [number for number in wanted if number]
    return max(known) if known and len(known) == len(wanted) else None


def again(command: Sequence[str], rounds: int | None) -> str:
    """Return a command that runs two things side by side, to be typed again with so many rounds."""
    kept, words = list[str](), iter(command[1:])
    for word in words:
        if word in VALUED:
            next(words, None)
        elif word not in PLAIN and word.partition("=")[0] not in VALUED:
            kept.append(word)
    wanted = [] if rounds is None else ["--rounds", str(rounds)]
    return shlex.join(["fairtrial", *(kept or ["compare", "--paired", "A.yaml", "B.yaml"]), *wanted])


def _command(ledger: Ledger, run: int) -> Sequence[str]:
    """Return the command that made a run."""
    made = [action["command"] for action in ledger.actions(run) if "session" in action["detail"]]
    return tuple(made[-1]) if made else ()


def _here(ledger: Ledger, number: int) -> bool:
    """Say whether the system of a run is still what it was when it was measured."""
    from fairtrial.flow.declare import recall

    try:
        found = recall(ledger, number, registry=Registry())
    except FairtrialError:
        return False
    return found.identity_digest == ledger.run(number).system_digest
