"""The contract of a book: a Journal appends, a Ledger reads, an Outbox delivers, a Book knows who may write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from fairtrial.model.event import Event
from fairtrial.model.outcome import Captured
from fairtrial.model.parcel import Parcel, Receipt
from fairtrial.model.provenance import Provenance
from fairtrial.model.run import AttemptRow, History, Measurements, Run, TrialRow
from fairtrial.model.trial import Trial


class Journal(Protocol):
    """The writing side, for one driver of one run."""

    run: int
    driver: int
    """Fencing epoch: events of attempts that another driver owns by now are refused."""

    def next_attempt(self) -> int:
        """Return a fresh attempt id, unique in the book (no I/O)."""

    def append(self, events: Sequence[Event]) -> tuple[int, ...]:
        """Append in one durable transaction; return the attempt ids whose results were refused as late.

        Files that outcomes name (`captured` paths, `produced`) are moved into the book first, by digest.
        Raises BookUnwritable where nothing could be written (then nothing was).
        """

    def reuse(self, trials: Sequence[Trial]) -> int:
        """Take finished trials of this book (same digest, other run) into this run; return how many."""

    def relabel(self, trials: Iterable[Trial]) -> int:
        """Give members the condition that the amended study gives them (same digest, a factor with `before:` more).

        Returns how many changed.
        """

    def retire(self, keep: Iterable[bytes]) -> int:
        """Mark this run's trials outside `keep` as retired (kept, not counted), the others as not; return how many."""

    def forgive(self, trials: Sequence[bytes]) -> int:
        """Reopen settled failures, so that they run again (`retry`); return how many."""

    def close(self, state: str, *, planned: int | None) -> None:
        """End the driver's session with the run's state."""


class Ledger(Protocol):
    """The reading side: never blocks a writer."""

    def runs(self) -> Sequence[Run]:
        """List runs, newest first."""

    def run(self, number: int | None = None, study: str | None = None) -> Run:
        """Return a run by number, or a study's newest (of all, without arguments). Raises UnknownName."""

    def settled(self, run: int) -> Mapping[bytes, str]:
        """Return digest -> status for the settled, unretired-or-retired trials of a run."""

    def finished(self, *, exclude_live: bool = True) -> set[bytes]:
        """Return the digests of every trial that some run of the book finished (done), for reuse."""

    def stale(
        self,
        points: Mapping[bytes, bytes],
        system: bytes,
        inputs: bytes,
        *,
        identity: Mapping[str, Any] | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> Mapping[bytes, str]:
        """Of unfinished trials: digest -> reason, where the book has their parameters and seed under another system.

        Other inputs count the same. `points` maps trial digest -> `identity.point_digest`. `identity` (the system's,
        as JSON) and `sources` (input name -> digest) say what the digests stand for, so that the parts that changed
        can be named before a run has recorded them.
        """

    def trials(
        self, run: int, *, limit: int | None = None, offset: int = 0, status: str | None = None
    ) -> Sequence[TrialRow]:
        """List a run's trials in number order."""

    def parameters(self, run: int) -> Mapping[int, Mapping[str, Any]]:
        """Return trial number -> its resolved parameters, in number order; trials of one condition share the mapping.

        Of a run that was imported they are the factors.
        """

    def trial(self, reference: str) -> TrialRow:
        """Find a trial by `RUN.NUMBER` or a digest prefix of at least 4 hexadecimal digits. Raises UnknownName."""

    def attempts(self, trial: bytes | None = None, run: int | None = None) -> Sequence[AttemptRow]:
        """List attempts, oldest first; running attempts of a dead driver read as lost."""

    def captured(self, attempt: int) -> Captured:
        """Return what an attempt wrote; where it still runs, paths of the slot files are given when known."""

    def series(self, attempt: int) -> Sequence[tuple[int, Mapping[str, float | None]]]:
        """Return an attempt's steps, in order."""

    def tables(self, run: int, name: str | None = None) -> Sequence[tuple[TrialRow, str, Path]]:
        """List the raw tables of a run's settled trials: trial, table name, Parquet file."""

    def files(self, run: int) -> Sequence[tuple[TrialRow, str, Path]]:
        """List the artifacts of a run's settled trials."""

    def measurements(self, run: int, *, retired: bool = False) -> Measurements:
        """Return the settled trials of a run, columnar."""

    def history(self, system: bytes | None = None, name: str | None = None) -> History:
        """Return how long trials of a system took and what they needed."""

    def provenance(self, run: int) -> Sequence[Mapping[str, Any]]:
        """Return what is known of each driver of a run, oldest first."""

    def actions(self, run: int | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the action log, oldest first."""

    def verify(self) -> Sequence[str]:
        """Check integrity, artifact digests and the action log's chain; return what is wrong, one line each."""


class Outbox(Protocol):
    """What a run owes one destination elsewhere: its settled trials less what was delivered there."""

    run: int
    destination: str

    def waiting(self) -> int:
        """Count the trials that are still to be delivered."""

    def parcels(self, limit: int, *, after: int = 0) -> Sequence[Parcel]:
        """Return the first trials, in number order and beyond `after`, that are still to be delivered."""

    def receipt(self) -> Receipt | None:
        """Return what was last delivered of the run itself."""

    def delivered(self, receipts: Sequence[Receipt]) -> None:
        """Record what was delivered, in one transaction. Raises BookUnwritable."""


class Book(Protocol):
    """An open book."""

    folder: Path
    """The `.fairtrial` folder."""

    @property
    def ledger(self) -> Ledger:
        """Return the reading side."""

    def hold(self, study: str) -> AbstractContextManager[None]:
        """Hold a study as its only driver. Raises StudyHeld naming the holder."""

    def begin(
        self,
        *,
        study: str,
        document: Mapping[str, Any],
        system: str,
        identity: Mapping[str, Any],
        metrics: Sequence[str],
        provenance: Provenance,
        live: bool,
        fresh: bool,
        durability: str = "normal",
        tags: Sequence[str] = (),
        planned: int | None = None,
    ) -> Journal:
        """Continue the study's newest run (amending it), or open a new one: `fresh`, or the system's identity changed.

        Closes attempts that a dead driver left running as lost. `identity` is the system's, as JSON; `planned` is
        the number of trials of the plan, where it is counted.
        """

    def act(
        self,
        verb: str,
        *,
        why: str = "",
        command: Sequence[str] = (),
        run: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append to the action log outside a run."""

    def close(self) -> None:
        """Close; may be called twice."""
