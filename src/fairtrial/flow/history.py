"""`compare --history`: what changed over all runs of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.errors import UnknownName
from fairtrial.flow.book import reading
from fairtrial.flow.compare import sample

if TYPE_CHECKING:
    from fairtrial.compare.history import History


def history(home: Path | None, study: str) -> History:
    """Find changes over the runs of a study, in the order they were made. Raises UnknownName for an unknown study."""
    from fairtrial.compare.history import history as find

    with reading(home) as book:
        runs = book.ledger.runs()
        numbers = sorted(run.number for run in runs if run.study == study and run.done)
        if not numbers:
            raise UnknownName("study", study, {run.study for run in runs})
        return find([sample(book.ledger, number) for number in numbers])
