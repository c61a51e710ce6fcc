"""Documents of other tools: errors point at the line of the part, or of what is around it."""

from __future__ import annotations

import pytest

from fairtrial.model.foreign import Foreign

GIVEN = Foreign({"a": {"b": [1]}}, "f.yaml", {"": 1, "a": 2, "a.b": 3})


@pytest.mark.parametrize(
    ("path", "at", "said"),
    [
        ("a.b", "", "f.yaml:3: a.b: wrong (do this)"),
        ("a.b.0", "", "f.yaml:3: a.b.0: wrong (do this)"),
        ("a.c", "", "f.yaml:2: a.c: wrong (do this)"),
        ("x", "", "f.yaml:1: x: wrong (do this)"),
        ("x", "a.b", "f.yaml:3: x: wrong (do this)"),
        ("", "", "f.yaml:1: wrong (do this)"),
    ],
)
def test_an_error_has_the_nearest_line(path: str, at: str, said: str) -> None:
    """File, line, path and what to do, in one line."""
    assert str(GIVEN.wrong(path, "wrong", "do this", at=at)) == said


def test_a_document_without_lines_still_says_the_file() -> None:
    """JSON has no lines."""
    assert str(Foreign({}, "f.json").wrong("a", "wrong")) == "f.json: a: wrong"
