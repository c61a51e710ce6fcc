"""Markdown: names as they are, tables that line up, what was cut."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.model.figure import Grid, Section
from fairtrial.report.markdown import escape, markdown


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("latency_p99_s", "latency_p99_s"),
        ("__init__ and _x_", "\\_\\_init\\_\\_ and \\_x\\_"),
        ("a|b <i> *b* `c` [d](e)", "a\\|b \\<i> \\*b\\* \\`c\\` \\[d\\](e)"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("p < 0.001 > 0", "p < 0.001 > 0"),
        ("> no quotation", "\\> no quotation"),
        ("---", "\\---"),
        ("$x$ ~y~ &lt; a & b", "\\$x\\$ \\~y\\~ \\&lt; a & b"),
        ("two\nlines\x00", "two lines"),
    ],
)
def test_a_name_is_shown_as_it_is(text, written):
    """What Markdown would take for its own is escaped, and only that."""
    assert escape(text) == written


@given(st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=2), min_size=1, max_size=5))
def test_a_table_keeps_its_columns_whatever_is_in_it(rows):
    """No cell makes or breaks a column or a row."""
    from fairtrial.model.document import Document

    grid = Grid(("one", "two"), tuple(map(tuple, rows)))
    text = markdown(Document("t", "", "", sections=(Section("s", tables=(grid,)),)))
    lines = [line for line in text.split("\n") if line.startswith("|")]
    assert len(lines) == len(rows) + 2
    assert all(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3 for line in lines)


def test_the_order_is_that_of_an_argument(document):
    """Question, answer, claims, results, cautions, limits, how to reproduce, digests."""
    heads = [line[3:] for line in markdown(document).splitlines() if line.startswith("## ")]
    assert heads[0] == "Claims"
    assert heads[-4:] == ["Cautions", "Limits", "How to reproduce", "Digests"]
    text = markdown(document)
    assert text.index("**Question.**") < text.index("**Answer (supported).**") < text.index("## Claims")


def test_pictures_are_named_only_where_they_are(document):
    """Printed Markdown refers to no file; written Markdown to each plot with its title and caption."""
    assert "plots/" not in markdown(document)
    assert "more rows: the data folder of the written report" in markdown(document)
    written = markdown(document, pictures=True)
    assert written.count("](plots/") == 10
    assert "![throughput bends at load.clients = 8.05. Points: means over replicates" in written


def test_the_comparison_table_is_means_then_sds_with_four_decimals(document):
    """As in the example: every mean first, then every standard deviation."""
    lines = markdown(document).splitlines()
    head = next(line for line in lines if "crash_rate_mean" in line)
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    assert columns == [
        "corruption_rate", "mode", "crash_rate_mean", "cycles_mean", "crash_rate_std", "cycles_std",
    ]  # fmt: skip
    row = lines[lines.index(head) + 2]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["0", "a", "0.0500", "9.0000", "0.0050", "1.0000"]


def test_commands_stand_in_a_block_that_they_cannot_end(document):
    """A fence is longer than any run of backticks in it."""
    text = markdown(replace(document, reproduce=("echo ```", "two")))
    assert "````sh\necho ```\ntwo\n````" in text
