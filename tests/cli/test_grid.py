"""Tables at any width: aligned where they fit, narrowed, and records where nothing fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.cli.grid import Grid, cells, packed


@pytest.fixture
def grid() -> Grid:
    """Six factors, one of them constant, and a metric."""
    made = Grid(
        ["alpha", "beta", "gamma_long_name", "delta", "zeta", "validation_accuracy"],
        right=frozenset(["validation_accuracy"]),
        lift=frozenset(["alpha", "beta", "gamma_long_name", "delta", "zeta"]),
    )
    made.add_row("0.1", "1e-05", "adamw_with_decay", "1", "0.1", "0.074485 [0.011969, 0.137]")
    made.add_row("0.2", "0.33", "sgd", "2", "0.1", "0.03 [0.01, 0.05]")
    return made


def test_what_fits_is_a_table_with_numbers_to_the_right(grid: Grid) -> None:
    """Heads, a rule, a line a row, nothing behind the last column."""
    lines = grid.lines(120)
    assert len(lines) == 4
    assert lines[2].startswith("0.1     1e-05")
    assert lines[2].endswith("0.137]")
    assert lines[3].endswith("   " + "0.03 [0.01, 0.05]")
    assert len(set(map(len, lines))) == 1


def test_a_constant_factor_is_said_once_where_room_is_short(grid: Grid) -> None:
    """It leaves the table and stands above it."""
    lines = grid.lines(74)
    assert lines[0] == "throughout: zeta = 0.1"
    assert "zeta" not in lines[1]
    assert len(lines) == 5


def test_heads_fold_before_rows_become_records(grid: Grid) -> None:
    """A head longer than its column stands on several lines."""
    folding = Grid(["validation_accuracy_of_the_model", "n"])
    folding.add_row("0.1", "3")
    assert folding.lines(20)[:4] == ["validation_", "accuracy_", "of_the_", "model        n"]
    assert packed("a_bb_ccc", 5) == ["a_bb_", "ccc"]


def test_what_cannot_be_a_table_is_records(grid: Grid) -> None:
    """Every value stands beside its name, in lines that keep the width, the second ones indented."""
    lines = grid.lines(60)
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("alpha=0.1  beta=1e-05")
    assert lines[2].startswith("    ")
    assert sum("validation_accuracy=" in line for line in lines) == 2


def test_wide_characters_take_two_columns() -> None:
    """Columns stay aligned under text in any script."""
    assert cells("日本") == 4
    made = Grid(["a", "b"])
    made.add_row("日本", "1")
    made.add_row("abcd", "2")
    assert [line.index(line[-1]) for line in made.lines(80)[2:]] == [5, 7]


@given(st.lists(st.text("ab_ ", min_size=1, max_size=12), min_size=1, max_size=6, unique=True), st.integers(20, 90))
def test_no_line_is_wider_than_asked(heads: list[str], width: int) -> None:
    """Whatever the heads, as long as a single item fits."""
    made = Grid(heads)
    made.add_row(*["x" * 3 for _ in heads])
    assert all(cells(line) <= width for line in made.lines(width))


def test_an_empty_table_has_its_heads() -> None:
    """No rows are no error."""
    assert Grid(["run", "study"]).lines(80) == ["run   study", "─" * 11]
