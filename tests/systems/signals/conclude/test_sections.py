"""Each section from small runs made by hand; nothing breaks where nothing is known."""

from __future__ import annotations

import pytest

from fairtrial.model.figure import Section
from fairtrial.systems.signals.conclude import barriers, course, sides, thresholds
from fairtrial.systems.signals.conclude.sections import sections

NAN = float("nan")
PAIRS = {"evaluation.tp_ticks": [8.0, 8.0, 16.0, 16.0], "evaluation.sl_ticks": [4.0, 2.0, 4.0, 2.0]}


def rows(section: Section) -> list[dict]:
    """Return the rows of a section's only table by column."""
    (grid,) = section.tables
    return [dict(zip(grid.columns, row, strict=True)) for row in grid.rows]


def trades(**columns: list) -> dict[str, list]:
    """Return a table of trades with what is not given filled in."""
    count = len(columns["net_ticks"])
    return {
        "trial": [1] * count,
        "market": [0] * count,
        "fold": [0] * count,
        "entry_bin": list(range(count)),
        **columns,
    }


def test_barriers_are_crossed_where_both_vary(run) -> None:
    """A mean for each pair, over all else that varied; what failed or is undefined is in none."""
    factors = {name: [*values, *values] for name, values in PAIRS.items()}
    net = [1.0, 2.0, NAN, 4.0, 3.0, NAN, NAN, 6.0]
    made = run(factors, {"expectancy_net_ticks": net}, status=["done"] * 5 + ["failed"] + ["done"] * 2)
    section = barriers.section(made)
    assert section is not None
    assert rows(section) == [
        {"": "tp 8", "sl 2": 2.0, "sl 4": 2.0},
        {"": "tp 16", "sl 2": 5.0, "sl 4": None},
    ]
    assert "Net expectancy" in section.sentences[0]


def test_barriers_of_the_older_protocol_are_before_costs(run) -> None:
    """It has no expectancy: the sentence says what stands there instead."""
    section = barriers.section(run(PAIRS, {"mean_pnl_ticks": [1.0, 2.0, 3.0, 4.0]}))
    assert section is not None
    assert "before costs" in section.sentences[0]


@pytest.mark.parametrize("factors", [{}, {"evaluation.tp_ticks": [8.0, 16.0]}, {k: v[:1] for k, v in PAIRS.items()}])
def test_barriers_that_do_not_vary_make_no_table(run, factors) -> None:
    """One level, or one of the two."""
    count = len(next(iter(factors.values()), [0]))
    assert barriers.section(run(factors, {"mean_pnl_ticks": [1.0] * count})) is None


def test_one_sided_trials_are_named(run) -> None:
    """Nine of ten trades on a side: drift alone could explain them; undefined sides are missing, and no reason."""
    made = run(
        {"signal.name": ["spg", "msd", "erd"]},
        {
            "expectancy_net_ticks": [2.0, 1.0, 0.5],
            "trades_up": [5.0, 50.0, NAN],
            "trades_down": [95.0, 50.0, NAN],
            "expectancy_up_ticks": [NAN, 1.0, 1.0],
        },
    )
    section = sides.section(made)
    assert section is not None
    assert section.sentences[1] == "Nearly all on one side, so that drift alone could explain them: 7.1."
    first, *_, last = rows(section)
    assert (first["long"], first["short"], first["condition"]) == (5, 95, "spg")
    assert all(isinstance(first[name], int) for name in ("long", "short"))
    assert last["long"] != last["long"]


def test_a_course_sums_net_results_in_order_of_entry(run, shelf) -> None:
    """Truncated trades, which have no result, are in no sum; the final block is marked."""
    made = run({}, {"expectancy_net_ticks": [1.0]})
    table = trades(net_ticks=[3.0, 1.0, NAN, -5.0], entry_bin=[20, 10, 30, 40], fold=[0, 0, 0, -1])
    section = course.section(made, shelf(trades=table))
    assert section is not None
    (figure,) = section.figures
    assert (figure.series[0].x, figure.series[0].y) == ((10.0, 20.0, 40.0), (1.0, 4.0, -1.0))
    assert [(mark.axis, mark.at) for mark in figure.marks] == [("y", 0.0), ("x", 40.0)]


def test_days_follow_each_other_the_same_for_each_trial(run, shelf) -> None:
    """A trial without a trade on a day is drawn all the same, beside the others' days; no final block is marked."""
    made = run({"signal.name": ["ads", "msd"]}, {"expectancy_net_ticks": [2.0, 1.0]})
    table = trades(
        trial=[1, 1, 2, 2, 2], market=[0, 2, 0, 1, 2], entry_bin=[10, 5, 20, 30, 7], net_ticks=[1.0] * 5,
        fold=[0, -1, 0, 1, -1],
    )  # fmt: skip
    section = course.section(made, shelf(trades=table))
    assert section is not None
    (figure,) = section.figures
    assert [series.x for series in figure.series] == [(10.0, 55.0), (20.0, 50.0, 57.0)]
    assert [mark.axis for mark in figure.marks] == ["y"]


def test_no_trades_no_course(run, shelf) -> None:
    """None kept, none that ended, none of a protocol without costs."""
    made = run({}, {"expectancy_net_ticks": [1.0]})
    assert course.section(made, shelf()) is None
    assert course.section(made, shelf(trades=trades(net_ticks=[NAN]))) is None
    assert course.section(run({}, {"tp_rate": [0.5]}), shelf(trades=trades(net_ticks=[1.0]))) is None


def test_chosen_thresholds_are_listed_fold_by_fold(run, shelf) -> None:
    """Only those that were chosen, with what they gained in training; the final block is called so."""
    made = run({"signal.name": ["ads"]}, {"expectancy_net_ticks": [1.0]})
    table = {
        "trial": [1] * 4, "fold": [0, 0, 1, -1], "threshold": [0.1, 0.2, 0.1, 0.3], "trades": [9, 5, 12, 30],
        "net_ticks": [1.5, -1.0, 0.5, 0.2], "chosen": [True, False, True, True],
    }  # fmt: skip
    section = thresholds.section(made, shelf(thresholds=table))
    assert section is not None
    assert [(row["fold"], row["threshold"], row["trades in training"]) for row in rows(section)] == [
        ("final block", 0.3, 30),
        ("1", 0.1, 9),
        ("2", 0.1, 12),
    ]


def older(**columns: list) -> dict[str, list]:
    """Return a table of the older protocol with what is not given filled in."""
    count = len(columns["n_signals"])
    rest = dict.fromkeys(("n_up", "n_down", "tp_rate", "sl_rate", "timeout_rate"), [0.5] * count)
    return {"trial": [1] * count, "threshold": [0.1 * (at + 1) for at in range(count)], **rest, **columns}


def test_the_older_protocol_shows_all_that_was_chosen_from(run, shelf) -> None:
    """Every threshold of every trial that had signals is a dot; the sentence says what the best rests on."""
    made = run({"signal.name": ["ads", "msd"]}, {"tp_rate": [0.4, 0.5], "mean_pnl_ticks": [0.1, 4.0]})
    table = older(trial=[1, 1, 2], n_signals=[500, 0, 5], mean_pnl_ticks=[0.1, NAN, 4.0])
    section = thresholds.section(made, shelf(thresholds=table))
    assert section is not None
    (figure,) = section.figures
    assert (figure.series[0].x, figure.series[0].y) == ((500.0, 5.0), (0.1, 4.0))
    assert "2 of them had signals; the largest mean, 4 ticks, rests on 5 of them." in section.sentences[0]
    assert [row["condition"] for row in rows(section)] == ["msd", "ads", "ads"]


def test_a_large_list_is_thinned_for_the_plot(run, shelf) -> None:
    """Tens of thousands of dots would be a file that no browser opens."""
    count = 3 * thresholds.DRAWN
    made = run({}, {"tp_rate": [0.4]})
    table = older(n_signals=[7] * count, mean_pnl_ticks=[0.0] * count)
    section = thresholds.section(made, shelf(thresholds=table))
    assert section is not None
    assert len(section.figures[0].series[0].x) == thresholds.DRAWN
    assert len(rows(section)) == thresholds.ROWS


def test_no_signals_at_all_are_said(run, shelf) -> None:
    """A list without a mean has nothing to draw."""
    made = run({}, {"tp_rate": [0.0]})
    section = thresholds.section(made, shelf(thresholds=older(n_signals=[0], mean_pnl_ticks=[NAN])))
    assert section is not None
    assert "None of them had a signal" in section.sentences[0]
    assert not section.figures


@pytest.mark.parametrize("status", ["failed", "done"])
def test_a_run_without_results_has_nothing_to_say(run, shelf, status) -> None:
    """All failed, or all undefined."""
    made = run(PAIRS, {"expectancy_net_ticks": [NAN] * 4, "tp_rate": [NAN] * 4}, status=[status] * 4)
    found = sections(made, shelf())
    assert [section.title for section in found] in ([], ["Barriers"])
    assert all(cell is None for section in found for row in section.tables[0].rows for cell in row[1:])


def test_one_trial_has_its_sections(run, shelf) -> None:
    """A single condition: no barriers to compare, all else is there."""
    made = run({}, {"expectancy_net_ticks": [1.0], "trades_up": [1.0], "trades_down": [1.0]})
    table = {"trial": [1], "fold": [0], "threshold": [0.1], "trades": [9], "net_ticks": [1.0], "chosen": [True]}
    found = sections(made, shelf(trades=trades(net_ticks=[1.0, 2.0]), thresholds=table))
    assert [section.title for section in found] == ["Course", "Sides and random entries", "Thresholds"]
