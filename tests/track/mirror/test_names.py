"""Names and values within MLflow's limits."""

from __future__ import annotations

import pytest

from fairtrial.track.mirror.names import KEY_CHARACTERS, distinct, key, leaves, text


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("load.clients", "load.clients"),
        ("interventions.0.rate", "interventions.0.rate"),
        ("p99 (s)", "p99 _s_"),
        ("a[0]", "a_0_"),
        ("a/b", "a/b"),
        ("/etc/x", "_etc_x"),
        ("a/../b", "a_.._b"),
        ("..", "_"),
        ("", "_"),
    ],
)
def test_keys_are_taken(name, made):
    """What MLflow does not take becomes an underscore, and no key leads out of its folder."""
    assert key(name) == made


def test_long_keys_stay_apart():
    """Keys that differ late differ still when they are cut."""
    first, second = key("x" * 400 + "1"), key("x" * 400 + "2")
    assert len(first) == len(second) == KEY_CHARACTERS
    assert first != second


def test_names_that_fall_together_get_numbers():
    """No value is lost because its name became another's."""
    assert distinct([("a[0]", 1), ("a(0)", 2), ("a_0_", 3)]) == {"a_0_": 1, "a_0__2": 2, "a_0__3": 3}


def test_values_are_cut_and_say_so():
    """A value that is too long keeps its start, and tells its length."""
    assert text(0.1, 10) == "0.1"
    assert text(value=True, limit=10) == "true"
    assert text("as it is", 10) == "as it is"
    cut = text("x" * 7000, 6000)
    assert len(cut) == 6000
    assert cut.endswith("x… (7000 characters)")


def test_leaves_of_parameters():
    """Nested parameters become dotted paths, plain lists stay whole, a secret shows its name alone."""
    tree = {
        "load": {"clients": 4, "mix": [1, 2]},
        "steps": [{"at": 1}, {"at": 2}],
        "password": {"secret": "PASSWORD"},
        "none": {},
    }
    assert dict(leaves(tree)) == {
        "load.clients": 4,
        "load.mix": [1, 2],
        "steps.0.at": 1,
        "steps.1.at": 2,
        "password": "Secret('PASSWORD')",
        "none": {},
    }
