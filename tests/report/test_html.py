"""The page: whole on its own, safe with any name, readable in both themes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fairtrial.model.document import Document
from fairtrial.model.figure import Axis, Figure, Grid, Mark, Section, Series
from fairtrial.model.finding import Caution, CautionKind
from fairtrial.report.html import html

NASTY = "<script>alert('x')</script> & \"q\" ]]> $x$ --> \x00\x1b[31m {{ 7 * 7 }} \ud800"
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open, self.text = Counter(), [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page(document):
    """The page of the planted document."""
    return html(document)


def nasty():
    """A document with a nasty name wherever a user may put one."""
    grid = Grid((NASTY, "n"), ((NASTY, 1), (NASTY, None)), NASTY)
    series = (Series(NASTY, (0.0, 1.0), (1.0, 2.0), (0.5, 1.5), (1.5, 2.5)), Series("_" + NASTY, (0.0,), (1.0,)))
    axis = Axis(NASTY, ticks=((0.0, NASTY), (1.0, "b")))
    figure = Figure(NASTY, NASTY, axis, Axis(NASTY), series, (Mark("x", 0.5, NASTY),), NASTY)
    pairs = ((NASTY, NASTY),)
    return Document(
        NASTY, NASTY, NASTY, NASTY, pairs, sections=(Section(NASTY, (NASTY,), (grid,), (figure, figure)),),
        cautions=(Caution(CautionKind.DRIFT, NASTY, NASTY),), limits=(NASTY,), reproduce=(NASTY,), digests=pairs,
    )  # fmt: skip


def test_the_page_is_whole_and_needs_nobody(page):
    """No script, no link elsewhere, nothing loaded: what is named is on the page."""
    read = Page(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    targets = [value for tag, name, value in read.attributes if name in ("href", "src", "xlink:href", "action")]
    assert targets
    ids = [value for _, name, value in read.attributes if name == "id"]
    assert {target[1:] for target in targets} <= set(ids)
    assert all(target.startswith("#") for target in targets)
    addresses = set(re.findall(r"https?://[^\"' )<]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_every_id_is_there_once(page):
    """Plots that are set into one page share no names."""
    ids = [value for _, name, value in Page(page).attributes if name == "id"]
    assert [name for name, count in Counter(ids).items() if count > 1] == []


def test_every_colour_of_a_plot_is_the_pages(page):
    """Plots have no colours of their own, so that they read on light and on dark."""
    body = page[page.index("<body>") :]
    assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", body)) <= {
        "none", "var(--ink)", "var(--faint)", "var(--lines)", "var(--paper)", *(f"var(--s{n})" for n in range(6)),
    }  # fmt: skip
    used = set(re.findall(r"var\(--([\w-]+)\)", page))
    for theme in re.findall(r":root \{(.*?)\}", page, flags=re.DOTALL)[:2]:
        assert used <= set(re.findall(r"--([\w-]+):", theme))


def test_names_are_text_and_never_markup():
    """Markup, templates and control characters in a user's names do nothing."""
    text = html(nasty())
    read = Page(text)
    assert not read.tags["script"]
    assert "{{ 7 * 7 }}" in "".join(read.text)
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff]", text)
    assert read.tags["svg"] == 2
    assert "<script>alert" in "".join(read.text)


@pytest.mark.parametrize(
    ("verdict", "tone"),
    [("supported", "yes"), ("PASS", "yes"), ("not supported", "no"), ("FAIL", "no"), ("INVALID", "open")],
)
def test_a_verdict_has_a_word_a_sign_and_a_colour(verdict, tone, document):
    """The badge says the verdict; nobody must tell colours apart."""
    text = html(replace(document, verdict=verdict, sections=()))
    assert f'<div class="answer {tone}">' in text
    assert re.search(rf'<span class="badge">[✓✗?] {verdict}</span>', text)


def test_a_report_that_only_describes_has_no_badge(document):
    """Without a verdict there is none to show."""
    text = html(replace(document, verdict="", sections=()))
    assert 'class="badge"' not in text
    assert '<div class="answer plain">' in text


def test_numbers_stand_flush_right(document, page):
    """Columns of numbers line up; texts stand left."""
    assert '<th scope="col" class="right">crash_rate_mean</th>' in page
    assert '<th scope="col">mode</th>' in page
    assert '<td class="right">0.0500</td>' in page


def test_cautions_come_once_each_with_their_advice(page):
    """The same caution of two findings is one row."""
    assert page.count("Run with replicates: 10.") == 1
