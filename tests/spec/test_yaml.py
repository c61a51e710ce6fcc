"""YAML 1.2 and JSON text -> JSON values with lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.errors import SpecError
from fairtrial.spec.yaml import parse, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("1:30", "1:30"),
        ("4MB", "4MB"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("2.", 2.0),
        ("-.5", -0.5),
        ("'2020-01-01'", "2020-01-01"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    """`1e-3` is a number, `on` and `yes` are words, a leading 0 is decimal."""
    made, _ = parse(f"x: {text}\n")
    assert made == {"x": value}
    assert type(made["x"]) is type(value)


def test_anchors_merges_and_blocks():
    """Anchors repeat a part, `<<` merges mappings (own keys win), block texts keep their lines."""
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, 4]\nd: |\n  one\n  two\n"
    made, _ = parse(text)
    assert made["b"] == {"x": 1, "y": 3}
    assert made["c"] == [{"x": 1, "y": 2}, 4]
    assert made["d"] == "one\ntwo\n"


def test_lines_of_every_path():
    """Keys, nested keys and list items know their line, from 1."""
    _, lines = parse("a:\n  b.c:\n    - 1\n    - 2\nd: {e: 3}\n")
    assert lines == {"": 1, "a": 1, "a.b.c": 2, "a.b.c.0": 3, "a.b.c.1": 4, "d": 5, "d.e": 5}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands here twice"),
        ("a: {b: 1, b: 2}\n", 1, "a: key 'b' stands here twice"),
        ("a: 1\nb: 2020-01-01\n", 2, "b: 2020-01-01 reads as a timestamp"),
        ("a: .nan\n", 1, "NaN"),
        ("a: [1, -.inf]\n", 1, "a.1: -.inf"),
        ("a: 1e999\n", 1, "infinite"),
        ("a: !thing 3\n", 1, "a: 3 reads as a !thing"),
        ("1: a\n", 1, "key 1 is not a word"),
        ("[a]: 1\n", 1, "key a list or mapping"),
        ("a: &x [*x]\n", 1, "an anchor that contains itself"),
        ("a: *x\n", 1, "undefined alias"),
        ("a: [1\nb: 2\n", 2, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("\ta: 1\n", 1, "not valid YAML"),
        ("a: {<<: 3}\n", 1, "merged"),
        ("a: !!int 'x'\n", 1, "a: x: "),
    ],
)
def test_what_json_lacks_is_refused_with_its_line(text, line, says):
    """Duplicates, dates, NaN, tags, self-reference and broken YAML are refused in one line with file and line."""
    with pytest.raises(SpecError) as caught:
        parse(text, "study.yaml")
    assert str(caught.value).startswith(f"study.yaml:{line}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unprintable_text_is_refused():
    """Bytes that YAML does not allow are the user's mistake."""
    with pytest.raises(SpecError, match="not valid YAML"):
        parse("a: \x00\n", "study.yaml")


def test_json_files():
    """A .json file is read as JSON, tabs included, as strictly as YAML."""
    assert parse('{\n\t"a": [1, 2.5, null]\n}', "base.json")[0] == {"a": [1, 2.5, None]}
    for text, says in (
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "infinite"),
        ('{"a": 1, "a": 2}', "key 'a' stands in one mapping twice"),
        ('{\n"a": }', "base.json:2: not valid JSON"),
    ):
        with pytest.raises(SpecError, match=says):
            parse(text, "base.json")


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**40), 2**40),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=6),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("abc.", min_size=1, max_size=3), inner)),
    max_leaves=12,
)


@given(value=json_values)
def test_json_text_reads_the_same_as_yaml_and_as_json(value):
    """JSON is YAML: any JSON value comes back from either reader."""
    text = json.dumps(value)
    assert parse(text)[0] == value
    assert parse(text, "a.json")[0] == value


@given(text=st.text("0123456789+-.eEx_tTrRuUfalsnNLy~", min_size=1, max_size=7))
def test_bare_words_on_the_command_line_are_what_yaml_reads(text):
    """A word of an override means what it means in a study file, grouped digits and other bases excepted."""
    try:
        made = scalar(text)
    except ValueError:
        return
    yaml = parse(f"[{text}]")[0] if "_" not in text and "x" not in text else [made]
    assert yaml == [made]


def test_numbers_of_the_core_schema_are_numbers():
    """Also those that begin with the point and have an exponent without a sign; in quotes they are words."""
    assert parse("[.5e3, .0E0, 5.e3, '.5e3', \".5e3\", .5e]")[0] == [500.0, 0.0, 5000.0, ".5e3", ".5e3", ".5e"]


@pytest.mark.parametrize("text", [".nan", ".NaN", "-.inf", "+.Inf", ".INF"])
def test_what_yaml_reads_as_no_finite_number_is_refused_as_a_bare_word(text):
    """A word that a study file would refuse is not taken for a text on the command line."""
    with pytest.raises(ValueError, match="no place in a study"):
        scalar(text)
