"""The ranking of a run: who leads, who cannot be told from the leader, and whether the leader may be believed."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.model.finding import Verdict
from fairtrial.systems.signals.rank.ranking import ranking


def blocks(mean: float, seed: int = 0) -> tuple[float, ...]:
    """Return the net results of 40 blocks of five trades each."""
    return tuple(5 * (mean + np.random.default_rng(seed).normal(0, 0.5, 40)))


def test_a_leader_that_holds_is_supported(shelf, add) -> None:
    """Above zero, beyond chance after all that was tried, and confirmed by the final block."""
    add(tp_ticks=8, net=blocks(1.0))
    add(
        tp_ticks=4,
        net=blocks(-1.0),
        metrics={
            "expectancy_net_ticks": -1.0,
            "expectancy_low_ticks": -1.5,
            "expectancy_high_ticks": -0.5,
            "p_random": 0.9,
        },
    )
    found = ranking(shelf, 1)
    assert (found.verdict, found.leader) == (Verdict.SUPPORTED, ("", {"evaluation.tp_ticks": 8}))
    assert found.answer == (
        "msd with 8/4 leads: 1.00 ticks a trade after costs (0.40 to 1.60); p 0.002 after 2 that were tried; "
        "final block 0.80 ticks over 30 trades."
    )


@pytest.mark.parametrize(
    ("metrics", "verdict", "why"),
    [
        ({"expectancy_low_ticks": -0.1}, Verdict.INCONCLUSIVE, "Its interval holds 0."),
        ({"p_random": 0.06}, Verdict.INCONCLUSIVE, "Chance does as well"),
        ({"holdout_net_ticks": -0.3}, Verdict.INCONCLUSIVE, "The final block does not confirm it: -0.30 ticks over 30"),
        ({"holdout_net_ticks": None, "holdout_trades": 0.0}, Verdict.INCONCLUSIVE, "No trade ended in the final block"),
        (
            {"expectancy_net_ticks": -1.0, "expectancy_low_ticks": -1.4, "expectancy_high_ticks": -0.6},
            Verdict.NOT_SUPPORTED,
            "Nothing gains",
        ),
    ],
)
def test_what_speaks_against_a_leader_is_said(shelf, add, metrics, verdict, why) -> None:
    """Each doubt alone is enough."""
    add(tp_ticks=8, metrics=metrics)
    found = ranking(shelf, 1)
    assert found.verdict is verdict
    assert why in found.answer


def test_those_that_cannot_be_told_from_the_first_are_marked(shelf, add) -> None:
    """Pairwise over the same blocks of time: the same noise cancels, so that a clear difference is told."""
    add(tp_ticks=8, net=blocks(1.0))
    add(
        tp_ticks=7,
        net=tuple(value + 1e-3 * (-1) ** at for at, value in enumerate(blocks(1.0))),
        metrics={"expectancy_net_ticks": 0.99},
    )
    add(
        tp_ticks=6,
        net=tuple(np.array(blocks(1.0)) - 3.0 + np.random.default_rng(3).normal(0, 0.1, 40)),
        metrics={"expectancy_net_ticks": 0.4},
    )
    (section,) = ranking(shelf, 1).sections
    (table,) = section.tables
    barriers = table.columns.index("tp/sl")
    assert [(row[0], row[barriers]) for row in table.rows] == [("=", "8/4"), ("=", "7/4"), ("", "6/4")]


def test_what_all_rows_share_is_a_sentence(shelf, add) -> None:
    """A column that says the same in each row leaves the table; the others stay, with numbers nobody misreads."""
    add(tp_ticks=8, metrics={"p_random": 1e-6, "expectancy_net_ticks": 0.0512})
    add(tp_ticks=6, metrics={"expectancy_net_ticks": -0.5})
    (section,) = ranking(shelf, 1).sections
    (table,) = section.tables
    assert "tp/sl" in table.columns
    assert not {"settings", "data", "cooldown"} & set(table.columns)
    assert "The same in all rows: data monday, cooldown 30." in section.sentences
    row = dict(zip(table.columns, table.shown()[0], strict=True))
    assert row["p"] == "<0.0001"
    assert row["net"] == "0.05"


def test_the_plot_has_the_first_on_top(shelf, add) -> None:
    """Places along y are read from the top; labels say the cooldown where it varies."""
    add(tp_ticks=8, metrics={"expectancy_net_ticks": 1.0})
    add(tp_ticks=6, cooldown_bins=100, metrics={"expectancy_net_ticks": 0.5})
    ((figure,),) = [section.figures for section in ranking(shelf, 1).sections]
    assert figure.y.ticks == ((0.0, "msd 8/4 cooldown 30"), (1.0, "msd 6/4 cooldown 100"))
    assert figure.series[0].x == (1.0, 0.5)


def test_too_few_trades_are_left_out_and_said(shelf, add) -> None:
    """Five at least; with none left there is no leader."""
    add(tp_ticks=8, metrics={"trades": 4.0})
    found = ranking(shelf, 1)
    assert (found.leader, found.verdict) == (None, Verdict.INCONCLUSIVE)
    assert found.answer == "No configuration can be ranked: 1 have fewer than 5 trades."


def test_the_older_protocol_ranks_and_shows_nothing(shelf, add) -> None:
    """No costs, no correction: never more than inconclusive."""
    older = dict.fromkeys(
        ("expectancy_net_ticks", "expectancy_low_ticks", "expectancy_high_ticks", "p_random", "trades")
    )
    add(protocol="original", tp_ticks=8, metrics={**older, "mean_pnl_ticks": 1.0})
    add(protocol="original", tp_ticks=4, metrics={**older, "mean_pnl_ticks": 3.0})
    found = ranking(shelf, 1)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.leader == ("", {"evaluation.protocol": "original", "evaluation.tp_ticks": 4})
    assert "The older protocol knows no costs" in found.answer


def test_a_leader_without_an_interval_is_not_the_older_protocol(shelf, add) -> None:
    """Judged after costs, in too little time for an interval: inconclusive, and the reason is that."""
    add(tp_ticks=8, metrics={"expectancy_low_ticks": None, "expectancy_high_ticks": None})
    found = ranking(shelf, 1)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.answer == "msd with 8/4 leads, and no interval can be said: its trades lie in too few blocks."
