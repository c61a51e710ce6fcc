"""What a trial is given beside its parameters: seed, streams, scratch folder, series, tables, files, deadline."""

# ruff: noqa: PTH100, PTH103, PTH105, PTH113, PTH119
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")

LAST_STEP = (1 << 63) - 1
LOWEST, HIGHEST = -sys.float_info.max, sys.float_info.max


class Channel(Protocol):
    """Where a trial's steps go."""

    def step(self, attempt: int, step: int, metrics: Mapping[str, float | None]) -> bool:
        """Hand on a step; return whether the trial is to stop."""


class TrialContext:
    """The context of one attempt (`contract.system.Context`)."""

    def __init__(self, attempt: int, seed: int, *, job: Mapping[str, Any], root: str, channel: Channel) -> None:
        self.seed = seed
        self.deadline: float | None = job.get("deadline")
        self.produced: list[list[str]] = []
        self._attempt, self._job, self._root, self._channel = attempt, job, root, channel
        self._files: list[tuple[str, str]] = []

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Input name -> the exported file."""
        from pathlib import Path

        return {name: Path(path) for name, path in self._job.get("inputs", {}).items()}

    @property
    def scratch(self) -> Path:
        """A folder of the attempt's own, made on first use."""
        from pathlib import Path

        path = Path(scratch_path(self._root, self._attempt))
        path.mkdir(parents=True, exist_ok=True)
        return path

    def rng(self, stream: str = "main") -> Any:
        """Return a numpy Generator of the named stream, derived from the seed."""
        import numpy as np

        from fairtrial.model.identity import stream_seed

        return np.random.default_rng(stream_seed(self.seed, stream))

    def log(self, step: int, **metrics: float) -> None:
        """Record one step of a series. Raises Pruned when a strategy stops the trial."""
        if not -LAST_STEP <= int(step) <= LAST_STEP:
            raise _bad(f"context.log: {_short(step)} is no step: it has more than 63 bits")
        if self._channel.step(self._attempt, int(step), normal_metrics(metrics)):
            from fairtrial.contract.system import Pruned

            raise Pruned(f"stopped at step {step}")

    def table(self, name: str, frame: Any) -> None:
        """Keep raw records as Parquet: a polars DataFrame, a mapping of columns, or a sequence of mappings."""
        import polars as pl

        self._check_name("table", name)
        made = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
        path = self._kept(f"{name}.parquet")
        try:
            made.write_parquet(path)
        except pl.exceptions.ComputeError as problem:
            raise _of_system(problem, path) from problem
        self.produced.append(["table", name, path])

    def file(self, path: str | Path, name: str | None = None) -> None:
        """Keep a file as an artifact, as it is when the trial ends. Raises BadResult where there is none."""
        source = os.path.abspath(path)
        if not os.path.isfile(source):
            raise _bad(f"context.file: there is no file {str(path)!r}")
        label = name or os.path.basename(source)
        self._check_name("file", label)
        self._files.append((label, source))
        self.produced.append(["file", label, self._kept(f"{len(self._files)}-{label}")])

    def resource(self) -> Any:
        """Return the JSON handle of the shared resource; None without one."""
        return self._job.get("handle")

    def finish(self) -> None:
        """Move declared files out of the scratch folder; copy those that lie elsewhere."""
        if not self._files:
            return
        targets = [path for kind, _, path in self.produced if kind == "file"]
        own = os.path.realpath(scratch_path(self._root, self._attempt)) + os.sep
        for (_, source), target in zip(self._files, targets, strict=True):
            if os.path.realpath(source).startswith(own):
                os.replace(source, target)
                continue
            import shutil

            shutil.copyfile(source, target)

    def _kept(self, leaf: str) -> str:
        folder = kept_path(self._root, self._attempt)
        os.makedirs(folder, exist_ok=True)
        return f"{folder}/{leaf}"

    def _check_name(self, kind: str, name: str) -> None:
        if not name or name.startswith(".") or not NAME_CHARACTERS.issuperset(name):
            raise _bad(f"context.{kind}: {name!r} is no name (letters, digits, '_', '-' and '.')")
        if any(name == taken for of, taken, _ in self.produced if of == kind):
            raise _bad(f"context.{kind}: {name!r} was given twice")


def scratch_path(root: str, attempt: int) -> str:
    """Say where an attempt's scratch folder lies, made or not."""
    return f"{root}/scratch/{attempt}"


def kept_path(root: str, attempt: int) -> str:
    """Say where an attempt's files wait for the book."""
    return f"{root}/kept/{attempt}"


def normal_metrics(metrics: Any) -> dict[str, float | None]:
    """Turn what a system returned into numbers: NaN, infinities and None become None (undefined).

    Raises BadResult for anything but a mapping from names to numbers.
    """
    if not hasattr(metrics, "items"):
        raise _bad(f"a trial returns a mapping of metrics, this one returned {type(metrics).__name__}")
    found: dict[str, float | None] = {}
    for name, value in metrics.items():
        if not isinstance(name, str) or not name:
            raise _bad(f"metrics are named by strings, not by {name!r}")
        number = value if type(value) is float else _number(name, value)
        found[name] = number if number is not None and LOWEST <= number <= HIGHEST else None
    return found


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise _bad(f"metric {name!r} is {_short(value)}, not a number")
    try:
        return float(value)
    except OverflowError:
        return None
    except (TypeError, ValueError):
        raise _bad(f"metric {name!r} is {_short(value)}, not a number") from None


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def _bad(message: str) -> Exception:
    from fairtrial.errors import BadResult

    return BadResult(message)


def _of_system(problem: Exception, path: str) -> Exception:
    """Return the OSError that polars tells of in words alone, such as "(os error 28)"; else the problem itself."""
    import re

    number = re.search(r"\(os error (\d+)\)", str(problem))
    return problem if number is None else OSError(int(number[1]), os.strerror(int(number[1])), path)
