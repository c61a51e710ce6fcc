"""Raw tables of a run: whole, or as far as they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial import Study
from fairtrial.errors import UnknownName
from fairtrial.flow.evidence import evidence
from fairtrial.flow.tables import RawTables

SUBJECT = """
def measure(x: float, *, seed: int, context) -> dict[str, float]:
    more = {"extra": [1, 2, 3]} if x > 1 else {}
    context.table("rows", {"t": [1, 2, 3], "x": [x, x, x], "said": ["a", "b", "c"], **more})
    return {"score": x}
"""


@pytest.fixture
def tables(here: Path):
    """The tables of a run of two conditions, two replicates each."""
    (here / "subject.py").write_text(SUBJECT)
    words = {"system": {"python": "subject:measure"}, "factors": {"x": [1.0, 2.0]}, "replicates": 2}
    Study(study="rows", metrics={"score": "maximize"}, parallel={"workers": "persistent"}, **words).run()
    with evidence(None, 1) as found:
        yield RawTables(found.ledger, 1)


ABOUT = ["trial", "variant", "replicate", "factor.x"]


def test_whole(tables) -> None:
    """The trial and its factors come before its rows; what only some trials have is null elsewhere."""
    frame = tables("rows")
    assert frame.columns == [*ABOUT, "t", "x", "said", "extra"]
    assert len(frame) == 12
    assert frame.filter(frame["factor.x"] == 1.0)["extra"].null_count() == 6
    assert (frame["x"] == frame["factor.x"]).all()


def test_some_columns_of_some_trials(tables) -> None:
    """In the table's own order; the rows are those of the whole."""
    whole = tables("rows")
    numbers = whole["trial"].unique().sort().to_list()[:2]
    some = tables("rows", columns=["said", "t"], trials=numbers)
    assert some.columns == [*ABOUT, "t", "said"]
    assert some.equals(whole.filter(whole["trial"].is_in(numbers)).select(*ABOUT, "t", "said"))


def test_a_column_of_some_trials_keeps_the_rows_of_the_others(tables) -> None:
    """They are null there, and still counted."""
    found = tables("rows", columns=["extra"])
    assert (len(found), found["extra"].null_count()) == (12, 6)


def test_what_nobody_kept(tables) -> None:
    """A table that there is none of, of these trials or at all, and a column that none has."""
    with pytest.raises(UnknownName, match="row"):
        tables("row")
    with pytest.raises(UnknownName, match="table"):
        tables("rows", trials=[99])
    with pytest.raises(UnknownName, match="column"):
        tables("rows", columns=["tt"])
