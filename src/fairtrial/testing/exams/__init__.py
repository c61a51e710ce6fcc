"""Conformance exams: pytest classes that a plug-in's author subclasses, saying in `make` what is examined."""

from fairtrial.testing.exams.engine import EngineExam
from fairtrial.testing.exams.journal import JournalExam
from fairtrial.testing.exams.strategy import StrategyExam
from fairtrial.testing.exams.system import SystemExam

__all__ = ["EngineExam", "JournalExam", "StrategyExam", "SystemExam"]
