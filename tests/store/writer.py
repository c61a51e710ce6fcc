"""A driver in a process of its own: runs trials until it is killed or done, and says on stdout what is durable.

Usage: writer.py FOLDER STUDY COUNT START. Each line is the digest of a trial whose result was acknowledged.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from fairtrial.model.event import AttemptEnded, AttemptStarted
from fairtrial.model.identity import digest, replicate_seed
from fairtrial.model.outcome import Captured, Outcome, Produced, Status
from fairtrial.model.provenance import Code, Machine, Provenance
from fairtrial.model.trial import Condition, Role, Trial
from fairtrial.store.book import open_book

IDENTITY = {"name": "toy", "version": "1"}


def trial(study, index):
    """Trial number `index` of a study."""
    parameters = {"study": study, "x": index}
    condition = Condition("", parameters, parameters, digest(parameters))
    return Trial(condition, 0, replicate_seed(0, 0), digest(IDENTITY), b"")


def measure(folder, journal, made):
    """Start and end one trial, with output and every fourth time a file."""
    attempt = journal.next_attempt()
    journal.append([AttemptStarted(attempt, journal.run, made, Role.TRIAL, time.time())])
    produced = ()
    if attempt % 4 == 0:
        path = folder / "trials" / str(journal.driver) / f"{attempt}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.digest * 100)
        produced = (Produced("file", "a.bin", str(path)),)
    metrics = {"x": float(made.condition.parameters["x"]), "none": None}
    outcome = Outcome(attempt, Status.DONE, metrics, produced=produced, captured=Captured(made.digest.hex().encode()))
    refused = journal.append([AttemptEnded(journal.run, outcome, time.time())])
    assert refused == ()


def main(folder, study, count, start):
    """Run the trials of a study that are not settled yet."""
    book = open_book(folder, write=True)
    with book.hold(study):
        journal = book.begin(
            study=study,
            document={"study": study},
            system="toy",
            identity=IDENTITY,
            metrics=["x"],
            provenance=Provenance(code=Code(), machine=Machine(), python="", fairtrial=""),
            live=False,
            fresh=False,
        )
        settled = book.ledger.settled(journal.run)
        print("begun", flush=True)
        for index in range(start, start + count):
            made = trial(study, index)
            if made.digest not in settled:
                measure(folder, journal, made)
                print(made.digest.hex(), flush=True)
        journal.close("finished", planned=count)
    book.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
