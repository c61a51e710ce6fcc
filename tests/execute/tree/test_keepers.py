"""Keepers in the driver: what their trials hear of a loss, and what is left of one that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.execute.tree.keepers import Keepers
from fairtrial.model.trial import Member, Task


class Tree:
    """Starts nothing, and lets a test speak for the keepers."""

    def __init__(self, root):
        self.root, self.config, self.speak, self.line = str(root), {}, {}, None

    def spawn(self, name, module, arguments, hear):
        self.speak[name] = hear
        Path(self.root, "scratch", name).mkdir(parents=True)
        return self

    def send(self, records):
        self.sent = records

    def disconnect(self, line):
        assert line is self


@pytest.fixture
def tree(tmp_path):
    """A tree below an empty folder."""
    return Tree(tmp_path)


@pytest.fixture
def keepers(tree):
    """Keepers that note which keys were lost."""
    made = Keepers(tree, "m:S")
    made.lost = []
    made.on_loss = lambda key, why: made.lost.append((key, why))
    return made


def get(keepers, key, *, busy=()):
    return keepers.get(Task(1, (Member(1, {}, 7),), share=key), busy=set(busy), most=1)


def test_a_resource_that_ends_itself_is_lost_to_its_trials(keepers, tree):
    """At its memory limit a keeper that was ready says so: those who use it hear it, the next gets another."""
    get(keepers, "k")
    tree.speak["keeper-1"]([["ready", 5432]])
    assert get(keepers, "k").handle == 5432
    tree.speak["keeper-1"]([["failed", "ended at the memory limit"]])
    assert keepers.lost == [("k", "ended at the memory limit")]
    assert keepers.cautions == ["ended at the memory limit"]
    keepers.died("keeper-1")
    assert get(keepers, "k").name == "keeper-2"
    assert len(keepers.lost) == 1


def test_nothing_stays_of_a_keeper_that_was_let_go(keepers, tree, tmp_path):
    """Its scratch folder, which may hold a server's data, goes with it, and so does its configuration."""
    get(keepers, "a")
    tree.speak["keeper-1"]([["ready", 1]])
    assert get(keepers, "b").state == "starting"
    assert tree.sent == [["close"]]
    assert list(tree.speak) == ["keeper-1"]  # the next one waits until it is gone
    keepers.died("keeper-1")
    get(keepers, "b")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "keeper-2.config",
        "scratch",
        "scratch/keeper-2",
    ]


def test_nobody_waits_for_a_keeper_that_is_gone(keepers, tree):
    """One whose set-up failed may have ended before its failure is asked for: the next one starts at once."""
    get(keepers, "a")
    tree.speak["keeper-1"]([["failed", "no such server", 0]])
    keepers.died("keeper-1")
    assert get(keepers, "a").state == "failed"
    assert get(keepers, "a").name == "keeper-2"


def test_one_that_does_not_tear_down_is_killed(keepers, tree, monkeypatch):
    """After a minute; the next one need not wait any longer."""
    now = [0.0]
    monkeypatch.setattr("fairtrial.execute.tree.keepers.time.monotonic", lambda: now[0])
    killed = []
    tree.signal = lambda name, number: killed.append((name, number))
    get(keepers, "a")
    tree.speak["keeper-1"]([["ready", 1]])
    assert get(keepers, "b").name == ""
    keepers.tick()
    assert killed == []
    now[0] = 61.0
    keepers.tick()
    assert killed == [("keeper-1", 9)]
    assert get(keepers, "b").name == "keeper-2"


def test_a_question_is_answered_in_any_case(keepers, tree, monkeypatch):
    """By the keeper, by its loss, or, where it says nothing, by the clock; one that cannot tell is not asked."""
    now, heard = [0.0], []
    monkeypatch.setattr("fairtrial.execute.tree.keepers.time.monotonic", lambda: now[0])
    get(keepers, "a")
    tree.speak["keeper-1"]([["tends", False], ["ready", 1]])
    assert not keepers.ask("a", heard.append)
    tree.speak["keeper-1"]([["tends", True]])
    assert keepers.ask("a", heard.append)
    assert tree.sent == [["ask"]]
    tree.speak["keeper-1"]([["well"]])
    assert keepers.ask("a", heard.append)
    now[0] = 6.0
    keepers.tick()
    assert keepers.ask("a", heard.append)
    tree.speak["keeper-1"]([["failed", "the server is gone"]])
    assert heard == ["", "", "the server is gone"]
    assert not keepers.ask("a", heard.append)
