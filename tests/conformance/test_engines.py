"""Engines sit the exam that strangers sit."""

from __future__ import annotations

from typing import ClassVar

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


class TestPersistent(TestLocal):
    """Workers that live on from trial to trial."""

    settings: ClassVar = {"workers": "persistent"}


class TestFresh(TestLocal):
    """A new interpreter for each trial."""

    settings: ClassVar = {"isolate": "fresh"}
