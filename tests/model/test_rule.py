"""Rules mean what the same expression means in Python, and never more than that."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.errors import UserError
from fairtrial.model.rule import parse

PATHS = {"lr": "lr", "load.clients": "load_clients", "layers.0.width": "layers_0_width", "variant": "variant"}
"""Path in a rule -> the name that stands for it in Python."""
NUMBERS = ["0", "1", "2.5", "1e-3", "1.5E+2", ".5", "7"]

atoms = st.sampled_from([*PATHS, *NUMBERS, "True", "None", "'lr'", '"load.clients"', "[1, 2.5]"])
arithmetic = st.tuples(atoms, st.sampled_from(["+", "-", "*", "//", "%", "/"]), atoms).map(" ".join)
terms = st.one_of(atoms, arithmetic.map("({})".format), atoms.map("-{}".format))
compared = st.tuples(terms, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"]), terms).map(" ".join)
chained = st.tuples(atoms, st.sampled_from(["<", "=="]), atoms, st.sampled_from([">=", "!="]), atoms).map(" ".join)
expressions = st.recursive(
    st.one_of(compared, chained),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda made: "({}) {} ({})".format(*made)),
        inner.map("not ({})".format),
    ),
    max_leaves=5,
)
values = st.fixed_dictionaries(
    {name: st.one_of(st.integers(-3, 9), st.sampled_from([0.001, 2.5, "lr", "b", None, True])) for name in PATHS}
)


@settings(max_examples=400, deadline=None)
@given(text=expressions, values=values)
def test_a_rule_is_true_exactly_where_python_says_so(text, values):
    """A rule holds where Python's own evaluation is true, and is an error of the user's where Python's raises."""
    python = text
    for path, name in PATHS.items():
        if "." in path:
            python = python.replace(f'"{path}"', "@").replace(path, name).replace("@", f'"{path}"')
    rule = parse(text)
    names = {name: values[path] for path, name in PATHS.items()}
    try:
        expected = bool(eval(python, {"__builtins__": {}}, names))
    except (TypeError, ZeroDivisionError):
        with pytest.raises(UserError, match="makes no sense"):
            rule.holds(values)
        return
    assert rule.holds(values) is expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("load.clients > 8 and variant == 'load.mode'", {"load.clients", "variant"}),
        ("lr < 1e-3", {"lr"}),
        ("layers.0.width in [1, 2] or not lr", {"layers.0.width", "lr"}),
        ("true", set()),
    ],
)
def test_names_are_the_paths_that_a_rule_reads(text, names):
    """Words inside quotes, exponents and constants are no names; dotted paths are one name."""
    assert parse(text).names == names


def test_a_rule_that_names_something_absent_is_false():
    """An absent name makes the whole rule false, also under `not` and `or`."""
    for text in ("depth > 1", "not depth > 1", "lr == 1 or depth > 1"):
        assert not parse(text).holds({"lr": 1})


@pytest.mark.parametrize(
    "text",
    [
        *("", "lr >", "f(lr)", "lr[0]", "lambda: 1", "lr == 1j", "lr == ...", "lr == 1 # c", "lr is None", "lr = 1"),
        *("a if b else c", "__import__('os')", "lr.__class__()", "x := 1", "[x for x in y]", "f'{lr}' == 'a'"),
    ],
)
def test_what_is_no_rule_is_refused(text):
    """Calls, subscripts, comments, assignments and whatever else is code are refused in one line."""
    with pytest.raises(UserError, match="is not understood") as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_failing_format_is_the_users_error():
    """A `%` on a text that does not fit is refused like any other nonsense."""
    with pytest.raises(UserError, match="makes no sense"):
        parse("'%y' % lr == 'a'").holds({"lr": 1})


def test_rules_are_equal_by_text_and_survive_pickling():
    """Two rules of one text are equal, and a copy from a pickle works."""
    rule = parse("lr > 1")
    copy = pickle.loads(pickle.dumps(rule))
    assert copy == rule == parse("lr > 1") != parse("lr > 2")
    assert copy.holds({"lr": 2})


@settings(max_examples=100, deadline=None)
@given(left=compared, right=compared, values=values)
def test_parts_of_a_conjunction_are_rules_of_their_own(left, right, values):
    """The parts of `A and B` are A and B: they read back from their text, and together mean the whole."""
    whole = parse(f"{left} and {right}")
    parts = [parse(part.text) for part in whole.parts]
    assert [part.names for part in parts] == [part.names for part in whole.parts]
    try:
        expected = all(part.holds(values) for part in parts)
        assert whole.holds(values) is expected
    except UserError:
        pass
