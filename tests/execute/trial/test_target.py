"""Targets: what other processes can load in a system's place."""

from __future__ import annotations

from fairtrial.contract.system import Target
from fairtrial.execute.trial.target import PLUGIN, target_of
from fairtrial.execute.trial.worker import attribute, loader


class Plain:
    """A system as a plug-in."""


class Configured:
    """A system with constructor arguments."""

    def __init__(self, size):
        self.size = size


class Shipping:
    """A system that gives its own target."""

    def target(self):
        return Target("json:loads", {"a": 1})


def test_a_plain_class_goes_by_name(monkeypatch):
    """Its module is imported beforehand."""
    monkeypatch.setitem(__import__("sys").modules, Plain.__module__, __import__("types").SimpleNamespace(Plain=Plain))
    target = target_of(Plain())
    assert target == Target(PLUGIN, {"entry": f"{Plain.__module__}:Plain"}, warm=(Plain.__module__,))


def test_a_shipped_target_is_taken():
    """A system may give workers something leaner."""
    assert target_of(Shipping()) == Target("json:loads", {"a": 1})


def test_what_no_import_can_make_again_has_no_entry(monkeypatch):
    """Local classes, constructor arguments, changed attributes."""

    class Local:
        pass

    changed = Plain()
    changed.size = 3
    space = __import__("types").SimpleNamespace(Plain=Plain, Configured=Configured)
    monkeypatch.setitem(__import__("sys").modules, Plain.__module__, space)
    assert [target_of(one).entry for one in (Local(), Configured(3), changed)] == ["", "", ""]


def test_entries_are_looked_up():
    """'module:attribute', dotted too; at once or when called."""
    assert attribute("os:path.join") is __import__("os").path.join
    config = {"entry": "fractions:Fraction", "config": "1/3"}
    assert loader(config)() == loader(config, now=True)() == __import__("fractions").Fraction(1, 3)
