"""The verb `convert`: what it takes, what it prints, what it refuses."""

from __future__ import annotations

import json

import pytest

from fairtrial.contract.verb import Verb
from fairtrial.spec.yaml import parse
from fairtrial.systems.signals.convert.verb import Convert


def test_it_prints_a_study(typed, least, tmp_path) -> None:
    """As YAML with comments, or as JSON with notes."""
    assert isinstance(Convert(), Verb)
    (tmp_path / "old.yaml").write_text(least)
    code, out, err = typed("signals", "convert", "old.yaml", "--lake", "there")
    assert (code, err) == (0, "")
    assert out.startswith("# Converted from old.yaml: 1 runs of the older harness, 1 condition here.\n")
    data = json.loads(typed("signals", "convert", "old.yaml", "--lake", "there", "--json")[1])["data"]
    assert data["document"] == parse(out)[0]
    assert data["document"]["base"]["data"] == {"dataset": "day", "lake": "there"}
    assert data["notes"][0].startswith("Converted from old.yaml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("olt.yaml",), "olt.yaml: no such file (did you mean 'old.yaml'?)"),
        (("bad.yaml",), "bad.yaml:4: swep: unknown key (did you mean 'sweep'?)"),
        (("old.yaml", "--protocol", "fair"), "'fair'"),
        ((), "Missing argument 'FILE'"),
    ],
)
def test_what_goes_wrong_is_one_line(typed, least, tmp_path, words, said) -> None:
    """Exit 2, and nothing on stdout."""
    (tmp_path / "old.yaml").write_text(least)
    (tmp_path / "bad.yaml").write_text(f"{least}swep: {{}}\n")
    code, out, err = typed("signals", "convert", *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err
