"""The reading side of the book, over a connection of its own that never blocks a writer."""

from __future__ import annotations

from fairtrial.store.attempts import Attempts
from fairtrial.store.audit import Audit
from fairtrial.store.columns import Columns
from fairtrial.store.results import Compact
from fairtrial.store.runs import Runs
from fairtrial.store.staleness import Staleness
from fairtrial.store.trials import Trials


class Ledger(Runs, Trials, Attempts, Columns, Compact, Staleness, Audit):
    """All that can be asked of a book."""
