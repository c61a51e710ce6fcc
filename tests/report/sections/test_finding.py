"""Findings as sections: what each says, with everything known and with nothing known."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import get_type_hints

import pytest

from fairtrial.errors import FairtrialError
from fairtrial.model.curve import ThresholdFinding
from fairtrial.model.figure import Section
from fairtrial.model.finding import Interval, Needed, Verdict
from fairtrial.report.sections.finding import section

KINDS = (
    "effects", "threshold", "saturation", "operating_range", "optimum", "scaling", "crossover", "text", "search",
)  # fmt: skip
UNITS = {"throughput": "1/s"}


def unknown(finding):
    """Return a finding that could say nothing: inconclusive, every optional part missing, every list empty."""
    hints, changes = get_type_hints(type(finding)), {}
    for each in fields(finding):
        kind = str(hints[each.name])
        if "None" in kind and each.name not in ("curves",):
            changes[each.name] = None
        elif kind.startswith("tuple") and "..." in kind and each.name not in ("clauses", "points"):
            changes[each.name] = ()
        elif "Mapping" in kind:
            changes[each.name] = {}
    changes |= {"curves": (None, None)} if hasattr(finding, "curves") else {}
    changes |= {"needed": Needed(None)} if hasattr(finding, "needed") else {}
    return replace(finding, verdict=Verdict.INCONCLUSIVE, answer="It cannot be said", **changes)


def flat(made: Section):
    """Return everything that a section says as one text."""
    tables = [text for table in made.tables for row in [[table.title, *table.columns], *table.shown()] for text in row]
    figures = [text for figure in made.figures for text in (figure.title, figure.caption, figure.x.label)]
    return " ".join([made.title, *made.sentences, *tables, *figures])


@pytest.mark.parametrize("kind", KINDS)
def test_a_finding_begins_with_its_answer(kind, planted):
    """The answer comes first, its numbers follow in tables whose rows fit their columns."""
    finding = getattr(planted, kind)()
    made = section(finding, UNITS)
    assert made.sentences[0] == finding.answer
    assert made.tables
    assert all(len(row) == len(table.columns) for table in made.tables for row in table.rows)
    assert all(len(set(table.columns)) == len(table.columns) for table in made.tables)


def test_a_crossover_compares_the_arms_level_by_level(planted):
    """A level at which an arm has no value is a row without numbers."""
    tables = section(planted.crossover(), UNITS).tables
    (table,) = (table for table in tables if table.title.startswith("gpt less expert"))
    assert table.rows == ((100, 5, 0.1, 0.05, 0.15, 0.001, 0.002), (3200, 0, None, None, None, None, None))


@pytest.mark.parametrize("kind", KINDS)
def test_a_finding_that_knows_nothing_says_so(kind, planted):
    """Nothing is invented where there is nothing: no None, no nan, no statement of an effect."""
    made = section(unknown(getattr(planted, kind)()), UNITS)
    assert made.sentences[0] == "It cannot be said."
    said = flat(made)
    assert "None" not in said
    assert "nan" not in said.split()
    assert not any(
        word in said for word in (" steps between", " bends at", "cross at", "improves with", "changes with")
    )
    assert not any(figure.marks for figure in made.figures)


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_section_is_a_bug(kind, planted):
    """Every finding of ours has one; anything else is refused by name."""
    assert is_dataclass(getattr(planted, kind)())
    with pytest.raises(FairtrialError, match="Needed"):
        section(Needed(None))


def test_a_threshold_is_told_from_the_descriptive_rule(planted):
    """The simple rule stands beside the test and is called what it is."""
    made = section(planted.threshold())
    assert "Descriptive, no test: the second table lists adjacent means that differ by 50 % or more" in flat(made)
    assert made.tables[1].rows[0] == (0.3, 0.4, pytest.approx(340))
    assert "The smallest effect that this design detects with power 0.8 is 0.041." in made.sentences


def test_a_refused_threshold_has_no_mark(planted):
    """Where there is none, the plot says so and marks no place, even where a largest step is known."""
    finding = replace(planted.threshold(), verdict=Verdict.NOT_SUPPORTED)
    (figure,) = section(finding).figures
    assert figure.title == "crash_rate: no threshold along corruption_rate"
    assert not figure.marks


def test_a_bracket_of_the_capacity_is_no_point(planted):
    """Its ends are in the table of places without a place, its band in the plot, and the title says between what."""
    bare = replace(planted.saturation(), knee=None, knee_interval=None, peak=None, capacity=None, asymptotic_knee=None)
    made = section(replace(bare, bracket=(4.0, 8.0)), UNITS)
    assert "Levels that were over-saturated are in no fit." in made.sentences
    assert made.tables[-1].rows == ((f"capacity, by {bare.factor}", None, 4.0, 8.0),)
    (figure,) = made.figures
    assert figure.title.endswith("the capacity lies between 4 and 8")
    assert [(mark.label, mark.at, mark.low, mark.high) for mark in figure.marks] == [
        ("over-saturated from 8", 8.0, 4.0, 8.0)
    ]
    (open_,) = section(replace(bare, bracket=(4.0, None)), UNITS).figures
    assert not open_.marks
    assert "is open" in open_.title
    assert section(replace(bare, bracket=(None, 8.0)), UNITS).figures[0].title.endswith("lies below 8")


def test_a_saturation_shows_the_models_that_were_weighed(planted):
    """Each model with the criterion and its weight; the knee is marked with its interval; units are named."""
    made = section(planted.saturation(), UNITS)
    models = next(table for table in made.tables if table.columns[0] == "model")
    assert models.columns[1] == "AICc"
    assert [row[0] for row in models.rows] == ["hinge", "saturating", "flat"]
    (figure,) = made.figures
    assert (figure.marks[0].at, figure.marks[0].low, figure.marks[0].high) == (8.05, 7.1, 9.2)
    assert (figure.y.label, figure.x.log) == ("throughput (1/s)", True)
    assert "The plateau is at 3300 1/s" in flat(made)


def test_an_optimum_names_the_curse_and_the_set(planted):
    """Shrunken beside raw, the set that cannot be told from the best, what was measured again."""
    said = flat(section(planted.optimum()))
    assert "3 conditions cannot be told from the best, 3 are told from it." in said
    assert "winner's curse" in said
    assert "12 replicates a condition would settle it." in said
    assert "Measured again on fresh seeds" in said


def test_a_plot_of_many_candidates_says_how_many_it_shows(planted):
    """Twenty are drawn, the best first; all are in the table."""
    finding = planted.optimum()
    made = section(replace(finding, candidates=finding.candidates * 5))
    assert len(made.figures[0].y.ticks) == 20
    assert made.figures[0].caption.endswith("The first 20 of 30 conditions.")
    assert len(made.tables[0].rows) == 30


def test_an_edge_that_was_not_reached_is_said(planted):
    """Headroom beyond what was tested is not promised."""
    found = replace(planted.operating_range(), reached=False, first_failing="")
    assert "The edge was not reached: every tested level up to 8 is safe." in section(found).sentences
    assert "The edge was not reached" not in flat(section(planted.operating_range()))


def test_a_search_counts_pruned_and_failed_apart(planted):
    """Completed, pruned and failed trials are three things."""
    rows = dict(section(planted.search()).tables[0].rows)
    assert (rows["completed"], rows["pruned"], rows["failed: oom"], rows["failed: timeout"]) == (80, 30, 2, 8)


def test_conditions_count_what_is_missing(planted):
    """Each metric's table says n, missing and why."""
    from fairtrial.report.sections.conditions import Conditions

    made = section(Conditions(planted.measured(), ("crash_rate", "cycles")), UNITS)
    table = next(table for table in made.tables if table.title == "crash_rate")
    row = dict(zip(table.columns, table.rows[1], strict=True))
    assert (row["n"], row["missing"], row["why missing"], row["q0.95"]) == (5, 1, "1 oom", pytest.approx(0.105))
    assert made.sentences[1] == "Low and high: 95 % intervals, Student's t."


def test_conditions_say_where_an_interval_was_cut(planted):
    """Once, with the reason."""
    from fairtrial.report.sections.conditions import Conditions

    first, *rest = planted.measured()
    interval = Interval(0.0, 0.3, 0.95, "Student's t, cut at 0")
    estimates = {**first.estimates, "crash_rate": replace(first.estimates["crash_rate"], interval=interval)}
    made = section(Conditions((replace(first, estimates=estimates), *rest), ("crash_rate",)), UNITS)
    assert made.sentences[1] == (
        "Low and high: 95 % intervals, Student's t, some cut at 0. An end is cut where it lay beyond what can be: "
        "no time, size, count or rate is negative, no share above 1."
    )


def test_claims_have_a_verdict_each(document):
    """In the order of the study, the undecided one with what would settle it."""
    made = section(document.claims)
    assert [row[1] for row in made.tables[0].rows] == ["supported", "inconclusive"]
    assert made.tables[0].rows[1][-2:] == (0.2, 14)
    assert made.sentences[1] == "error is flat with lr: It cannot be said."


def test_levels_of_any_kind_have_a_place(planted):
    """Levels that are lists, truths or nothing are named on the axis as JSON."""
    base = planted.threshold()
    listed = tuple(replace(point, level=level) for point, level in zip(base.points, ([1], True, None), strict=False))
    made = section(replace(base, points=listed, isotonic=(), place=None))
    assert [name for _, name in made.figures[0].x.ticks] == ["[1]", "true", "null"]
    assert [row[0] for row in made.tables[0].rows] == ["[1]", "true", "null"]
    assert isinstance(base, ThresholdFinding)


def test_nothing_is_chosen_of_no_models(planted):
    """Where too few levels were measured no model is named, and no empty table of models is shown."""
    made = section(replace(planted.saturation(), fits=(), chosen="", curve=None))
    assert "chooses" not in flat(made)
    assert all(table.rows for table in made.tables)


def test_without_any_noise_known_the_least_replicates_are_named(planted):
    """Two replicates are the least that can tell; that they settle it is not promised."""
    found = replace(planted.optimum(), needed=Needed(None, 2), curse=0.0)
    assert "2 replicates a condition are the least that can tell." in flat(section(found))
    assert "winner's curse" not in flat(section(found))


@pytest.mark.parametrize(
    ("verdict", "said"),
    [(Verdict.INCONCLUSIVE, "whether it bends is open"), (Verdict.NOT_SUPPORTED, "no knee in range")],
)
def test_a_plot_without_a_knee_says_no_more_than_the_answer(planted, verdict, said):
    """What could not be told is not called absent in the title."""
    made = section(replace(planted.saturation(), knee=None, verdict=verdict), UNITS)
    assert made.figures[0].title.endswith(said)
