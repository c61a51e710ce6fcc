"""`fairtrial signals rank`: filters, orders, and what it refuses."""

from __future__ import annotations

import pytest

from fairtrial.errors import NothingMeasured, UnknownName, UserError
from fairtrial.systems.signals.rank.verb import Rank, RankArguments


def rank(shelf, **words):
    return Rank().run(RankArguments(**words), shelf)


def barriers(sections) -> list[str]:
    table = sections[0].tables[0]
    return [row[table.columns.index("tp/sl")] for row in table.rows]


def test_the_order_is_what_was_asked_for(shelf, add) -> None:
    """By adjusted net expectancy unless another is named; a rate comes with the reason to doubt it."""
    add(tp_ticks=8, metrics={"tp_rate": 0.4})
    add(tp_ticks=2, metrics={"tp_rate": 0.7, "expectancy_net_ticks": 0.1})
    assert barriers(rank(shelf)) == ["8/4", "2/4"]
    by_rate = rank(shelf, by="tp_rate")
    assert barriers(by_rate) == ["2/4", "8/4"]
    assert any("cannot be compared between different" in said for said in by_rate[0].sentences)
    assert rank(shelf)[-1].title == "Verdict"


def test_filters_narrow_what_is_shown_and_not_what_was_tried(shelf, add) -> None:
    """Of one run, one data set: the correction is for the whole book all the same."""
    add(1, tp_ticks=8)
    add(2, tp_ticks=6)
    add(2, data={"dataset": "friday"}, tp_ticks=6)
    shown = rank(shelf, run=1)
    assert barriers(shown) == ["8/4"]
    assert "tried on the same data, as the book says: 2." in shown[0].sentences[0]
    assert len(barriers(rank(shelf, dataset_id="friday"))) == 1
    assert len(barriers(rank(shelf, limit=2))) == 2


def test_what_is_not_there_is_named(shelf, add) -> None:
    """One line each, with the nearest."""
    with pytest.raises(NothingMeasured, match="no run of signals"):
        rank(shelf)
    add(tp_ticks=8)
    add(2, system="threadpool")
    with pytest.raises(UnknownName, match="did you mean 'msd'"):
        rank(shelf, signal="mds")
    with pytest.raises(UnknownName, match="monday"):
        rank(shelf, dataset_id="mondays")
    with pytest.raises(UserError, match="run 2 is of the system threadpool"):
        rank(shelf, run=2)
    with pytest.raises(NothingMeasured, match="none of 1 configurations has 500 trades"):
        rank(shelf, min_signals=500)


def test_trades_enough_and_no_interval(shelf, add) -> None:
    """Configurations that have trades and no interval are not said to have too few."""
    add(tp_ticks=8, metrics={"expectancy_low_ticks": None, "expectancy_high_ticks": None})
    with pytest.raises(NothingMeasured, match="too few blocks of time have no interval"):
        Rank().run(RankArguments(), shelf)
