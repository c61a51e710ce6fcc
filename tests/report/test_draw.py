"""Drawing: any plot gives a well-formed picture that says what it is given, and leaves nothing behind."""

from __future__ import annotations

import math
import re
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fairtrial.model.figure import Axis, Figure, Mark, Series
from fairtrial.report.data import plain
from fairtrial.report.draw import COLOURS, render

SVG = "{http://www.w3.org/2000/svg}"
PNG = b"\x89PNG\r\n"

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-5, 5) | st.integers(1, 4).map(float)
names = st.text(max_size=30) | st.sampled_from(["$\\frac{a$", "_hidden", "a_b", "<&>", "x" * 90])


@st.composite
def series(draw):
    """Series of any kind and any values."""
    x = draw(st.lists(numbers, max_size=5))
    columns = [draw(st.lists(numbers, min_size=len(x), max_size=len(x))) for _ in range(3)]
    kind = draw(st.sampled_from(["points", "dots", "line", "dashes", "bars", "steps"]))
    y, low, high = map(tuple, columns)
    return Series(draw(names), tuple(x), y, low, high, kind, draw(st.sampled_from(["", "group"])))


places = st.lists(names, max_size=4).map(lambda listed: tuple((float(n), name) for n, name in enumerate(listed)))
axes = st.builds(Axis, names, ticks=places) | st.builds(Axis, names, st.booleans())
marks = st.builds(Mark, st.sampled_from("xy"), st.floats(-1e6, 1e6), names, st.none() | numbers, st.none() | numbers)
figures = st.builds(
    Figure,
    st.just("f"),
    names,
    axes,
    axes,
    st.lists(series(), max_size=3).map(tuple),
    st.lists(marks, max_size=2).map(tuple),
    names,
)


def drawn(figure):
    """Draw a figure; return its SVG as a tree and as text."""
    vector, raster = render(plain(figure))
    assert raster.startswith(PNG)
    return ElementTree.fromstring(vector), vector


def texts(tree):
    """Return what is written in a picture."""
    return [element.text for element in tree.iter(f"{SVG}text")]


def simple(*drawn, **changes):
    """Make a figure of some series."""
    words = {"name": "f", "title": "t", "x": Axis("x"), "y": Axis("y"), "series": drawn, **changes}
    return Figure(**words)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],
    derandomize=True,
)
@given(figures)
def test_every_figure_can_be_drawn(figure):
    """Whatever the names and the numbers are, a picture comes out that every reader can parse, without a warning."""
    tree, _ = drawn(figure)
    assert tree.tag == f"{SVG}svg"


def test_words_are_text_and_not_formulas():
    """Names with dollars, underscores and control characters stand as they are, and can be searched for."""
    figure = simple(
        Series("_one", (1.0,), (1.0,)), Series("$two$", (1.0,), (2.0,)), title="a $b$ c\x01", x=Axis("x_$1$")
    )
    said = texts(drawn(figure)[0])
    assert {"_one", "$two$", "a $b$ c ", "x_$1$"} <= set(said) or {"a $b$ c", "_one", "$two$", "x_$1$"} <= set(said)


def test_a_log_axis_has_plain_numbers():
    """Ticks read 0.1, 1, 10, 100; within a decade they are as on a plain axis."""
    wide = simple(Series("s", (0.1, 100.0), (1.0, 2.0)), x=Axis("x", log=True))
    assert {"0.1", "1", "10", "100"} <= set(texts(drawn(wide)[0]))
    narrow = simple(Series("s", (2.0, 8.0), (1.0, 2.0)), x=Axis("x", log=True))
    assert {"2", "4", "6", "8"} <= set(texts(drawn(narrow)[0]))


def bars(text):
    """Count the error bars of a picture: lines of its collection that have an end."""
    collection = text[text.index('id="LineCollection') :]
    paths = re.findall(r'<path d="([^"]*)"', collection[: collection.index("</g>")])
    return sum("L" in path for path in paths)


def test_an_interval_is_drawn_where_there_is_one():
    """A point without an interval has no bar; a series without any has none at all."""
    nan = math.nan
    with_bar = drawn(simple(Series("s", (1.0, 2.0), (1.0, 2.0), (0.5, nan), (1.5, nan))))[1]
    without = drawn(simple(Series("s", (1.0, 2.0), (1.0, 2.0))))[1]
    assert (bars(with_bar), bars(without)) == (1, 0)


def test_series_of_a_group_share_a_colour_and_groups_are_named():
    """Dots, means and fit of an arm look alike; one arm alone needs no name."""
    means, fit = Series("a", (1.0, 2.0), (1.0, 2.0)), Series("fit", (1.0, 2.0), (1.0, 2.0), kind="line", group="a")
    tree, text = drawn(simple(means, fit))
    assert "fit" not in texts(tree)
    assert [colour for colour in COLOURS if colour in text] == [COLOURS[0]]
    tree, text = drawn(simple(means, fit, Series("b", (1.0,), (3.0,))))
    assert {"a", "b"} <= set(texts(tree))
    assert [colour for colour in COLOURS if colour in text] == list(COLOURS[:2])


def test_many_dots_are_an_image_in_the_vector_picture():
    """A plot of ten thousand values stays small."""
    x = tuple(float(n) for n in range(10_000))
    text = drawn(simple(Series("s", x, x, kind="dots")))[1]
    assert "data:image/png;base64" in text
    assert len(text) < 200_000


def test_dots_are_within_the_axes():
    """The range is that of the single values, not of the means alone."""
    figure = simple(Series("s", (1.0, 1.0), (-50.0, 50.0), kind="dots"), Series("s", (1.0,), (0.0,)))
    ticks = [float(text.replace("−", "-")) for text in texts(drawn(figure)[0]) if text and text[-1].isdigit()]
    assert min(ticks) <= -40
    assert max(ticks) >= 40


def test_an_axis_from_zero_has_room_above():
    """A line that hardly moves lies below the upper edge, where it can be seen."""
    figure = simple(Series("s", (1.0, 2.0, 3.0), (100.0, 100.1, 100.0), kind="line"), y=Axis("", zero=True))
    text = drawn(figure)[1]
    line = next(path for path in re.findall(r'<path d="([^"]*)"[^>]*stroke: ' + COLOURS[0], text))
    heights = [float(height) for height in re.findall(r"[ML] \S+ (\S+)", line)]
    edge = next(path for path in re.findall(r'id="patch_2">\s*<path d="([^"]*)"', text))
    top, bottom = (f(float(y) for y in re.findall(r"[ML] \S+ (\S+)", edge)) for f in (min, max))
    assert min(heights) - top > 0.03 * (bottom - top)


@pytest.mark.parametrize("kind", ["points", "bars"])
def test_places_that_are_named_along_y_are_read_from_the_top(kind):
    """The best candidate stands first."""
    figure = simple(
        Series("s", (3.0, 2.0), (0.0, 1.0), (2.5, 1.5), (3.5, 2.5), kind),
        y=Axis("", ticks=((0.0, "first"), (1.0, "second"))),
    )
    tree, _ = drawn(figure)
    place = {element.text: float(element.get("y")) for element in tree.iter(f"{SVG}text")}
    assert place["first"] < place["second"]


def test_drawing_leaves_the_users_matplotlib_alone():
    """Settings are put back, and pyplot is not loaded."""
    import matplotlib

    before = dict(matplotlib.rcParams)
    loaded = "matplotlib.pyplot" in sys.modules
    render(plain(simple(Series("s", (1.0,), (1.0,)))))
    assert dict(matplotlib.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) is loaded
