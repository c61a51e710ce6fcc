"""What the fake system's trials run: planted effects, and on request every way in which a trial can misbehave."""

from __future__ import annotations

import math
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fairtrial.model.identity import stream_seed

Parameters = Mapping[str, Any]


class Subject:
    """A Runner on JSON parameters: `behave` names what it does, the planted effects are parameters too."""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self._config = config or {}

    def run(self, parameters: Parameters, context: Any) -> Mapping[str, Any]:
        """Measure, or misbehave as told."""
        result: Mapping[str, Any] = BEHAVIOURS[parameters.get("behave", "measure")](parameters, context)
        return result

    def run_many(self, parameters: Sequence[Parameters], contexts: Sequence[Any]) -> list[Mapping[str, Any]]:
        """Measure all in one process."""
        return [self.run(one, context) for one, context in zip(parameters, contexts, strict=True)]


def measure(parameters: Parameters, context: Any) -> dict[str, float]:
    """Return score = slope * x + jump where x >= threshold + noise * N(0, 1), and cost = x * x without noise."""
    x = parameters.get("x", 0.0)
    score = parameters.get("slope", 1.0) * x
    if parameters.get("threshold") is not None and x >= parameters["threshold"]:
        score += parameters.get("jump", 0.0)
    drawn = random.Random(stream_seed(context.seed, "noise")).gauss(0.0, 1.0)  # noqa: S311 (no cryptography)
    return {"score": score + parameters.get("noise", 0.0) * drawn, "cost": x * x}


def _raise(parameters: Parameters, context: Any) -> dict[str, Any]:
    raise ValueError(f"planted failure\nat x = {parameters.get('x', 0.0)}")


def _undefined(parameters: Parameters, context: Any) -> dict[str, Any]:
    return {"score": math.nan, "cost": math.inf}


def _text(parameters: Parameters, context: Any) -> Any:
    return {"score": "good", "cost": 1.0}


def _nothing(parameters: Parameters, context: Any) -> Any:
    return None


def _exit(parameters: Parameters, context: Any) -> Any:
    os._exit(0)


def _kill(parameters: Parameters, context: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)
    return _hang(parameters, context)


def _hang(parameters: Parameters, context: Any) -> Any:
    while True:
        time.sleep(3600)


def _steps(parameters: Parameters, context: Any) -> dict[str, float]:
    for step in range(int(parameters.get("steps", 3))):
        context.log(step, score=float(step))
    return measure(parameters, context)


def _print(parameters: Parameters, context: Any) -> dict[str, float]:
    sys.stdout.write("said on stdout\n")
    sys.stderr.write("said on stderr\n")
    return measure(parameters, context)


def _files(parameters: Parameters, context: Any) -> dict[str, float]:
    path = context.scratch / "note.txt"
    path.write_text("kept\n")
    context.file(path)
    context.table("rows", {"x": [1.0, 2.0]})
    return measure(parameters, context)


def _batch(parameters: Parameters, context: Any) -> dict[str, float]:
    if parameters.get("x", 0.0) < 0:
        raise ValueError("x is negative")
    return measure(parameters, context)


BEHAVIOURS: Mapping[str, Callable[[Parameters, Any], Any]] = {
    "measure": measure,
    "raise": _raise,
    "undefined": _undefined,
    "text": _text,
    "nothing": _nothing,
    "exit": _exit,
    "kill": _kill,
    "hang": _hang,
    "steps": _steps,
    "print": _print,
    "files": _files,
    "batch": _batch,
}
"""Name -> what a trial does. `exit` ends the process with 0 and no result, `kill` sends it SIGKILL."""
