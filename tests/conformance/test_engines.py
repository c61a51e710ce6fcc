"""Engines sit the exam that strangers sit."""

from __future__ import annotations

from fairtrial.execute.inline import Inline
from fairtrial.execute.local import Local
from fairtrial.testing.exams import EngineExam
from fairtrial.testing.simulated import Simulated


class TestSimulated(EngineExam):
    """Virtual time."""

    keeps_files = False

    def make(self):
        return Simulated(seed=3)


class TestInline(EngineExam):
    """In this very process."""

    isolates = False
    captures = False

    def make(self):
        return Inline()


class TestLocal(EngineExam):
    """A process for each trial."""

    def make(self):
        return Local()
