"""Our own systems sit the exam that strangers sit."""

from __future__ import annotations

import sys

from fairtrial.systems.command.system import bind as bind_command
from fairtrial.systems.function.system import bind as bind_function
from fairtrial.testing.exams import SystemExam
from fairtrial.testing.fakes import FakeBatchSystem, FakeSystem

PLAIN = """
import random
def f(lr: float, depth: int = 3, *, seed: int) -> dict:
    return {"score": lr * depth + random.Random(seed).random()}
"""
RICH = """
from pathlib import Path
from fairtrial import Secret
async def f(where: Path, key: Secret, context, sizes: tuple[int, ...] = (1,)) -> dict:
    return {"score": len(sizes) + context.seed % 7}
"""
PROGRAM = """
import json, sys
print("loading")
print(json.dumps({"score": float(sys.argv[1]) + int(sys.argv[2]) % 5}))
"""


class TestFunction(SystemExam):
    """A function whose annotations are JSON."""

    metrics = ("score",)

    def make(self, folder):
        (folder / "examined.py").write_text(PLAIN)
        return bind_function("examined:f", folder, {})

    def parameters(self):
        return {"lr": 1}


class TestRichFunction(SystemExam):
    """An async function with a path, a secret and a tuple."""

    metrics = ("score",)

    def make(self, folder):
        (folder / "examined.py").write_text(RICH)
        return bind_function("examined.py:f", folder, {})

    def parameters(self):
        return {"where": "/tmp", "key": {"secret": "EXAM_KEY"}, "sizes": [1, 2]}


class TestCommand(SystemExam):
    """A program with arguments."""

    metrics = ("score",)

    def make(self, folder):
        (folder / "train.py").write_text(PROGRAM)
        base = {"parameters": {"lr": 0.5, "key": {"secret": "EXAM_KEY"}}, "factors": []}
        value = {"command": [sys.executable, "train.py", "{lr}", "{seed}"], "env": {"KEY": "{key}"}}
        return bind_command(value, folder, base)

    def parameters(self):
        return {"lr": 0.25, "key": {"secret": "EXAM_KEY"}}

    def test_same_seed_same_result(self, system, measure, monkeypatch):
        monkeypatch.setenv("EXAM_KEY", "x")
        super().test_same_seed_same_result(system, measure)

    def test_declared_metrics_are_returned(self, system, measure, monkeypatch):
        monkeypatch.setenv("EXAM_KEY", "x")
        super().test_declared_metrics_are_returned(system, measure)

    def test_running_leaves_the_process_as_it_was(self, measure, monkeypatch):
        monkeypatch.setenv("EXAM_KEY", "x")
        super().test_running_leaves_the_process_as_it_was(measure)


class TestShellCommand(SystemExam):
    """A line for a shell."""

    metrics = ("score",)

    def make(self, folder):
        value = {"command": "printf '{{\"score\": %s}}\\n' {x}", "shell": True}
        return bind_command(value, folder, {"parameters": {"x": 1}, "factors": ["x"]})

    def parameters(self):
        return {"x": 2.5}


class TestFake(SystemExam):
    """The fake of `fairtrial.testing`."""

    def make(self, folder):
        return FakeSystem()

    def parameters(self):
        return {"x": 2.0, "noise": 0.5}


class TestFakeBatch(TestFake):
    """The fake that runs several trials at once."""

    def make(self, folder):
        return FakeBatchSystem()
