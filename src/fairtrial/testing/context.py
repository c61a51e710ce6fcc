"""A context for running a system by hand: what it logs and keeps can be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from fairtrial.contract.system import Pruned
from fairtrial.model.identity import stream_seed


class FakeContext:
    """A context in memory; `stop_at` is the step at which `log` raises Pruned, as a strategy would."""

    def __init__(
        self,
        seed: int = 0,
        *,
        scratch: Path | None = None,
        inputs: Mapping[str, Path] | None = None,
        handle: Any = None,
        stop_at: int | None = None,
    ) -> None:
        self.seed = seed
        self.deadline: float | None = None
        self.inputs: Mapping[str, Path] = dict(inputs or {})
        self.steps: list[tuple[int, dict[str, float]]] = []
        self.tables: dict[str, Any] = {}
        self.files: dict[str, Path] = {}
        self._scratch, self._handle, self._stop_at = scratch, handle, stop_at

    def rng(self, stream: str = "main") -> Any:
        """Return a numpy Generator of the named stream, derived from the seed."""
        import numpy as np

        return np.random.default_rng(stream_seed(self.seed, stream))

    @property
    def scratch(self) -> Path:
        """A folder of its own, made on first use."""
        if self._scratch is None:
            self._scratch = Path(mkdtemp(prefix="fairtrial-"))
        return self._scratch

    def log(self, step: int, **metrics: float) -> None:
        """Record a step. Raises Pruned at `stop_at`."""
        self.steps.append((step, metrics))
        if self._stop_at is not None and step >= self._stop_at:
            raise Pruned(f"stopped at step {step}")

    def table(self, name: str, frame: Any) -> None:
        """Keep raw records."""
        self.tables[name] = frame

    def file(self, path: str | Path, name: str | None = None) -> None:
        """Keep a file. Raises FileNotFoundError where there is none."""
        found = Path(path).resolve(strict=True)
        self.files[name or found.name] = found

    def resource(self) -> Any:
        """Return the handle that was given."""
        return self._handle
