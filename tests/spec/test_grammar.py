"""The grammar of overrides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.errors import UserError
from fairtrial.spec.grammar import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=3", 3),
        ("a=1e-3", 0.001),
        ("a=true", True),
        ("a=null", None),
        ("a=on", "on"),
        ("a='1,2'", "1,2"),
        ('a="x=[1"', "x=[1"),
        ("a=''", ""),
        ("a='3'", "3"),
        ("a=[1,2,3]", [1, 2, 3]),
        ("a=[a, 'b,c', [1]]", ["a", "b,c", [1]]),
        ("a={x: 1, y: [2]}", {"x": 1, "y": [2]}),
        ("a={secret: DB}", {"secret": "DB"}),
        ("a=b=c", "b=c"),
        ("a=it's", "it's"),
        ("a=two words", "two words"),
        ("a=http://host:80/x", "http://host:80/x"),
        ("a='1:5'", "1:5"),
        ("a=2020-01-01", "2020-01-01"),
    ],
)
def test_single_values(text, value):
    """A value is read as in YAML 1.2; quotes protect."""
    made = read(text)
    assert (made.mark, made.value, made.form) == ("", value, None)
    assert type(made.value) is type(value)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a=1,2,3", [1, 2, 3]),
        ("a=x, 'y,z',[1,2]", ["x", "y,z", [1, 2]]),
        ("a=choice(a,b)", ["a", "b"]),
        ("a=choice(a)", ["a"]),
        ("a=range(1,10,2)", {"range": [1, 10, 2]}),
        ("a=linspace(0,1,5)", {"linspace": [0, 1], "n": 5}),
        ("a=logspace(1e-4,1e-1,4)", {"logspace": [1e-4, 0.1], "n": 4}),
        ("a=geomspace(1,100,3)", {"geomspace": [1, 100], "n": 3}),
        ("a=interval(0,1)", {"interval": [0, 1]}),
        ("a=log(interval(1e-5,1e-1))", {"log_interval": [1e-5, 0.1]}),
        ("a=integers(1,9)", {"integers": [1, 9]}),
        ("p=zip(model=[a,b],lr=[1,2])", {"zip": {"model": ["a", "b"], "lr": [1, 2]}}),
        ("p=zip(a.b=range(1,3),c=choice(x,y,z))", {"zip": {"a.b": {"range": [1, 3]}, "c": ["x", "y", "z"]}}),
    ],
)
def test_sweeps(text, form):
    """Commas and functions make levels, as a study file writes them."""
    made = read(text)
    assert made.form == form
    assert made.value is None


def test_marks():
    """`+` adds, `~` removes and takes no value."""
    assert (read("+a.c=1").mark, read("+a.c=1").path) == ("+", "a.c")
    assert (read("~a.c").mark, read("~a.c").path) == ("~", "a.c")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a=1:5", "write range(1,5)"),
        ("a=0:1:0.1", "write range(0,1,0.1)"),
        ("a=", "a value is missing"),
        ("a=1,,2", "a value is missing"),
        ("a", "write path=value"),
        ("~a=1", "write path=value"),
        ("=1", "write path=value"),
        ("a=[1,2", "']' is missing"),
        ("a=1]", "']' closes nothing"),
        ("a='x", '"\'" is missing'),
        ("a='x'y", "text follows the closing quote"),
        ("a=linspce(0,1,5)", "did you mean 'linspace'?"),
        ("a=linspace(0,1)", "three arguments"),
        ("a=log(3)", "log takes an interval"),
        ("a=1,range(2,5)", "a function says all the levels alone"),
        ("a=zip([1,2])", "zip takes paths"),
        ("a={x: 1, x: 2}", "twice"),
        ("a=1e999", "infinite"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line(text, says):
    """The error repeats the override and says what to write."""
    with pytest.raises(UserError) as caught:
        read(text)
    assert says in str(caught.value)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(text=st.text("abc=,.'\"()[]{}:+~ 12\n\t&*!|>#%-", max_size=20))
def test_any_text_is_read_or_refused_in_one_line(text):
    """No text crashes the reader of overrides."""
    said = ""
    try:
        read(text)
    except UserError as problem:
        said = str(problem)
    assert "\n" not in said


@given(value=st.text(st.characters(exclude_characters="'", exclude_categories=["Cc", "Cs"]), max_size=10))
def test_quotes_protect_everything(value):
    """Whatever stands between quotes is the text itself."""
    assert read(f"a='{value}'").value == value
