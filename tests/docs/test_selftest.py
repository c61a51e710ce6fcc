"""The self-test's page shows every cell that is in the code, and no promise that was broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.cli.analyse import HEADS
from fairtrial.flow.selftest.cell import NULLS, PLANTED
from fairtrial.flow.selftest.run import MORE, cells

PAGE = Path(__file__).parents[2] / "docs" / "selftest.md"
MARKER = "<!-- table: fairtrial selftest --full --markdown -->\n"
HINT = "paste what `fairtrial selftest --full --markdown --quiet` prints below the marker of docs/selftest.md"


def rows(page: str) -> list[list[str]]:
    """Return the rows of the table below the marker, heads first."""
    _, found, table = page.partition(MARKER)
    assert found, "the marker is gone"
    lines = [line for line in table.splitlines() if line.startswith("|") and set(line) - set("|- ")]
    return [[word.strip() for word in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="module")
def table() -> list[list[str]]:
    """The page's table."""
    found = rows(PAGE.read_text())
    assert found, HINT
    return found


def test_the_table_has_the_heads_of_the_verb(table):
    """It is what the verb prints."""
    assert table[0] == list(HEADS)


def test_every_cell_is_in_the_table_with_its_promise(table):
    """Detector, world, size and what is promised, in the order of the code; none more, none less."""
    promised = [
        [cell.detector, cell.world, cell.size, f"{'power ≥' if cell.planted else 'alarms ≤'} {cell.rate:.3g}"]
        for _, _, cell in cells()
    ]
    assert [row[:4] for row in table[1:]] == promised, HINT


def test_no_promise_is_broken(table):
    """Each row holds, on all of its repeats: 1,000 without an effect, 400 with a planted one, or ten times as many."""
    for row, (_, _, cell) in zip(table[1:], cells(), strict=True):
        repeats = PLANTED if cell.planted else NULLS
        assert int(row[4].split(" of ")[1]) in (repeats, MORE * repeats), HINT
    assert {row[6] for row in table[1:]} == {"yes"}


def test_rows_are_read():
    """A page without marker or table is found out."""
    page = f"text\n{MARKER}\n| detector | world |\n| --- | --- |\n| knee | flat, noise 5 % |\n"
    assert rows(page) == [["detector", "world"], ["knee", "flat, noise 5 %"]]
    assert rows(MARKER) == []
    with pytest.raises(AssertionError):
        rows("| a |\n")
