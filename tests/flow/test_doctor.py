"""`doctor --fetch`: weights by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fairtrial.contract import registry
from fairtrial.flow import doctor

Type = Callable[..., tuple[int, str, str]]


class Fake:
    """Weights that are there as soon as they are asked for."""

    name = "tiny"

    def find(self) -> Path:
        return Path("/weights/tiny.gguf")

    def fetch(self) -> Path:
        return self.find()


def test_weights_are_fetched_and_their_place_is_said(fairtrial: Type, monkeypatch: pytest.MonkeyPatch):
    """One line, or JSON; and nothing else is looked at."""
    monkeypatch.setattr(doctor, "resource", lambda name: Fake())
    assert fairtrial("doctor", "--fetch", "tiny") == (0, "tiny is at /weights/tiny.gguf\n", "")
    _, out, _ = fairtrial("doctor", "--fetch", "tiny", "--json")
    assert json.loads(out)["data"] == "/weights/tiny.gguf"


def test_an_unknown_name_is_told_the_nearest(fairtrial: Type):
    """Exit 2."""
    code, out, err = fairtrial("doctor", "--fetch", "smolm2")
    assert (code, out) == (2, "")
    assert err.strip() == "fairtrial: unknown resource 'smolm2' (did you mean 'smollm2'?)"
    assert "smollm2" in registry.Registry().names("resource")


def test_what_is_no_weights_cannot_be_fetched(fairtrial: Type):
    """Exit 2."""
    code, _, err = fairtrial("doctor", "--fetch", "openai")
    assert code == 2
    assert "resource 'openai' has nothing to fetch" in err
