"""Results that no longer count, and the part of their identity that changed."""

from __future__ import annotations

import pytest

from fairtrial.model.identity import digest, digest_bytes, point_digest
from fairtrial.store.staleness import changes


def points(*trials):
    """What `stale` is asked with."""
    return {trial.digest: point_digest(trial.condition.digest, trial.seed) for trial in trials}


def test_a_changed_system(kit, book, journal):
    """A result of the same parameters and seed under another version is stale, and the version is the reason."""
    kit.done(journal, kit.trial(0.1))
    now = kit.identity(version="2", code={"model.py": "ab"})
    trials = [kit.trial(lr, identity=now) for lr in (0.1, 0.2)]
    found = book.ledger.stale(points(*trials), digest(now), b"", identity=now)
    assert found == {trials[0].digest: "version 1 -> 2; code added"}


def test_names_from_the_book(kit, book, journal):
    """Once a run has recorded the new system, the reason needs nothing but its digest."""
    kit.done(journal, kit.trial())
    now = kit.identity(version="2")
    kit.begin(book, identity=now)
    trial = kit.trial(identity=now)
    assert book.ledger.stale(points(trial), digest(now), b"") == {trial.digest: "version 1 -> 2"}


def test_a_system_that_nobody_described(kit, book, journal):
    """Where nothing is known of the new system, it is said that it changed."""
    kit.done(journal, kit.trial())
    trial = kit.trial(identity={"name": "toy", "version": "3"})
    assert set(book.ledger.stale(points(trial), trial.system, b"").values()) == {"system changed"}


def test_what_is_not_stale(kit, book, journal):
    """The same system, a trial that never finished, another seed, and a system of another name are not stale."""
    same, lost, failed = kit.trials(3)
    kit.done(journal, same)
    kit.start(journal, lost)
    kit.fail(journal, kit.start(journal, failed))
    now = kit.identity(version="2")
    later = [kit.trial(index / 8, identity=now) for index in (1, 2)] + [kit.trial(0.0, identity=now, replicate=1)]
    assert book.ledger.stale(points(*later), digest(now), b"", identity=now) == {}
    assert book.ledger.stale(points(same), same.system, b"", identity=kit.identity()) == {}
    other = {"name": "another", "version": "1"}
    trial = kit.trial(0.0, identity=other)
    assert book.ledger.stale(points(trial), digest(other), b"", identity=other) == {}


def test_changed_inputs(kit, book):
    """Other inputs make results stale, and the input is named."""
    before, now = {"labels": "aa", "text": "bb"}, {"labels": "cc", "text": "bb"}
    journal = kit.begin(book, provenance=kit.provenance(inputs=before))
    kit.done(journal, kit.trial(inputs=digest(before)))
    trial = kit.trial(inputs=digest(now))
    found = book.ledger.stale(points(trial), trial.system, digest(now), sources=now)
    assert found == {trial.digest: "inputs changed: labels"}
    assert set(book.ledger.stale(points(trial), trial.system, digest(now)).values()) == {"inputs changed: labels, text"}
    both = book.ledger.stale(points(trial), b"x", digest(now), identity=kit.identity(version="2"), sources=now)
    assert set(both.values()) == {"version 1 -> 2; inputs changed: labels"}


def test_the_newest_result_is_the_one_that_is_named(kit, book):
    """Of several older versions the last one that was measured is compared."""
    for version in ("1", "2"):
        identity = kit.identity(version=version)
        kit.done(kit.begin(book, identity=identity), kit.trial(identity=identity))
    now = kit.identity(version="3")
    trial = kit.trial(identity=now)
    assert set(book.ledger.stale(points(trial), digest(now), b"", identity=now).values()) == {"version 2 -> 3"}


def test_more_than_one_page(kit, book, journal):
    """Every one of 1,200 trials is looked up."""
    for trial in kit.trials(1200):
        kit.done(journal, trial)
    now = kit.identity(version="2")
    later = kit.trials(1300, identity=now)
    found = book.ledger.stale(points(*later), digest(now), b"", identity=now)
    assert set(found) == {trial.digest for trial in later[:1200]}


def test_no_points(book):
    """Nothing asked, nothing stale."""
    assert book.ledger.stale({}, b"", b"") == {}


A, B = digest_bytes(b"a").hex(), digest_bytes(b"b").hex()


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"version": "1"}, {"version": "1"}, []),
        ({"version": "1"}, {"version": "2"}, ["version 1 -> 2"]),
        ({"code": A}, {"code": B}, ["code changed"]),
        ({"code": {"model.py": A, "x.py": A}}, {"code": {"model.py": B, "x.py": A}}, ["code changed: model.py"]),
        ({"code": {"a.py": A}}, {"code": {"b.py": A}}, ["code changed: a.py, b.py"]),
        ({"code": {"pkg": {"a": A, "b": A}}}, {"code": {"pkg": {"a": B, "b": A}}}, ["code changed: pkg.a"]),
        ({"n": 1, "v": 1}, {"v": 2, "m": 1}, ["n dropped", "v 1 -> 2", "m added"]),
        ({"argv": ["a", "b"]}, {"argv": ["a", "c"]}, ["argv changed"]),
        ({"note": "x" * 99}, {"note": "y"}, ["note changed"]),
        (None, {"v": 1}, []),
        ({"v": 1}, None, []),
    ],
)
def test_changes(before, now, said):
    """Parts are named; short values are shown, digests are not."""
    assert changes(before, now) == said
