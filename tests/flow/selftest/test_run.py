"""The runner of the self-test: every cell is found, repeats have streams of their own, a broken promise shows."""

import pytest

from fairtrial.errors import UnknownName
from fairtrial.flow.selftest import run
from fairtrial.flow.selftest.cell import NULLS, PLANTED, Cell
from fairtrial.flow.selftest.run import Rate, cells, fired, selftest
from fairtrial.model.finding import Interval


def rate(*, planted: bool, promised: float, low: float, high: float) -> Rate:
    return Rate("d", "w", "s", planted, promised, 1, 10, Interval(low, high, 0.95, "Clopper-Pearson"))


def test_every_cell_is_a_cell():
    """Cells have names of their own, and rates that are rates."""
    found = [cell for _, _, cell in cells()]
    names = [(cell.detector, cell.world, cell.size) for cell in found]
    assert found
    assert all(isinstance(cell, Cell) and 0 < cell.rate < 1 for cell in found)
    assert len(set(names)) == len(names)


def test_every_file_has_both_worlds():
    """No detector is shown on nothing alone, or on planted effects alone."""
    for module in {module for module, _, _ in cells()}:
        worlds = {cell.planted for known, _, cell in cells() if known == module}
        assert worlds == {True, False}, module


def test_promises():
    """A false-alarm rate holds where it may be as low as promised, power where it may be as high."""
    assert rate(planted=False, promised=0.05, low=0.04, high=0.08).holds
    assert not rate(planted=False, promised=0.05, low=0.06, high=0.08).holds
    assert rate(planted=True, promised=0.8, low=0.7, high=0.81).holds
    assert not rate(planted=True, promised=0.8, low=0.7, high=0.79).holds


def test_repeats_do_not_depend_on_processes():
    """One process and two give the same counts."""
    detector = cells()[0][2].detector
    alone = selftest(only=[detector], share=0.01, jobs=1)
    shared = selftest(only=[detector], share=0.01, jobs=2)
    assert [one.fired for one in alone] == [one.fired for one in shared]


def test_repeats_differ(monkeypatch):
    """Each repeat draws from a stream of its own."""
    drawn = []
    cell = Cell("d", "w", "s", planted=False, rate=0.05, fires=lambda rng: drawn.append(rng.random()) or False)
    monkeypatch.setattr(run, "import_module", lambda name: type("Module", (), {"CELLS": (cell,)}))
    fired(run._Chunk(run._Repeats("m", 0, 0), 0, 20))
    assert len(set(drawn)) == 20


def test_as_many_repeats_as_promised():
    """A whole share means 1,000 null and 400 planted repeats."""
    of = run._Repeats("m", 0, 0)
    null = Cell("d", "w", "s", planted=False, rate=0.05, fires=lambda rng: False)
    planted = Cell("d", "w", "s", planted=True, rate=0.8, fires=lambda rng: True)
    assert run._chunks(of, null, 1.0)[-1].stop == NULLS == 1000
    assert run._chunks(of, planted, 1.0)[-1].stop == PLANTED == 400


def test_unknown_detector():
    """A detector that there is none of is refused with the nearest one."""
    with pytest.raises(UnknownName, match="unknown detector"):
        selftest(only=["treshold"])


def test_a_promise_that_seems_broken_is_measured_again(monkeypatch):
    """What decides then is ten times the repeats: chance passes, a broken promise stays broken."""
    often = {"d": 0.08, "e": 0.05}

    def cell(name):
        count = iter(range(100_000))
        return Cell(name, "w", "s", planted=False, rate=0.05, fires=lambda rng: next(count) % 1000 < 1000 * often[name])

    made = (cell("d"), cell("e"))
    monkeypatch.setattr(run, "import_module", lambda name: type("Module", (), {"CELLS": made}))
    monkeypatch.setattr(run, "cells", lambda: [("m", place, cell) for place, cell in enumerate(made)])
    broken, kept = selftest(jobs=1)
    assert (broken.repeats, broken.holds) == (10_000, False)
    assert (kept.repeats, kept.holds) == (1000, True)
