"""Studies as text: what is written is read again as the same study."""

from __future__ import annotations

from fairtrial.model.foreign import Converted
from fairtrial.spec.write import WIDTH, written
from fairtrial.spec.yaml import parse

STUDY = {
    "study": "a",
    "question": "On: 1e-3 or 'yes', null?",
    "base": {"data": {"dataset": "0123", "grid": None}, "rate": 1e-7, "name": "1e-3", "flag": "true"},
    "factors": {"data.grid": [None, {"c1": 2.0, "spectrum_windows": [5, 10]}], "wide": list(range(200))},
    "variants": {"x": {"set": {"signal.name": "x"}, "factors": {"a.b": [[1, 2], [3, 4]]}}},
    "exclude": ["variant == 'x' and a.b == [1, 2]", "b == 1"],
    "parallel": {"jobs": 4},
}


def test_what_is_written_is_read_again() -> None:
    """Words that look like numbers stay words, null stays null, in whatever style a line is written."""
    text = written(Converted(STUDY))
    assert parse(text)[0] == STUDY
    assert text == written(Converted(STUDY))
    assert text.startswith("study: a\n")
    for lines in (
        "parallel: {jobs: 4}\n",
        "  x:\n    set: {signal.name: x}\n    factors:\n      a.b: [[1, 2], [3, 4]]\n",
        "exclude:\n- variant == 'x' and a.b == [1, 2]\n- b == 1\n",
    ):
        assert lines in text


def test_notes_are_comments_before_it() -> None:
    """A long one goes on in the next line, one of a list is indented there; what they say changes nothing."""
    long = "- " + "word " * 60
    text = written(Converted({"study": "a"}, ("From x.yaml.", long)))
    lines = text.splitlines()
    assert lines[0] == "# From x.yaml."
    assert lines[1].startswith("# - word")
    assert lines[2].startswith("#   word")
    assert max(map(len, lines)) <= WIDTH
    assert lines[-2:] == ["", "study: a"]
    assert parse(text)[0] == {"study": "a"}
