"""Small systems, and ways to read a study about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fairtrial.contract.registry import Registry
from fairtrial.errors import UserError
from fairtrial.model.secret import Secret
from fairtrial.model.study import Direction, Metric, Study
from fairtrial.spec.reader import read_document, read_file


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Target(_Closed):
    """What is loaded."""

    kind: Literal["postgres", "chroma"] = "postgres"
    settings: dict[str, Any] = Field(default={}, description="Settings of the server.")
    password: Secret | None = None


class Load(_Closed):
    """How it is loaded."""

    clients: int = Field(default=1, ge=1, le=1000)
    rate: float | None = None
    mode: Literal["closed", "open"] = "closed"


class Step(_Closed):
    """A part of a list."""

    rate: float


class Tree(_Closed):
    """A model with a depth."""

    kind: Literal["tree"]
    depth: int = 3


class Linear(_Closed):
    """A model without a depth."""

    kind: Literal["linear"]
    penalty: float = 0.1


class ServiceParameters(_Closed):
    """Nested parameters: a free part, a list, a union, a secret."""

    duration_s: float = Field(description="Seconds under load.")
    target: Target = Target()
    load: Load = Load()
    steps: list[Step] = []
    model: Annotated[Tree | Linear, Field(discriminator="kind")] = Linear(kind="linear")


class Service:
    """A plug-in with nested parameters and declared metrics."""

    name = "service"
    version = "1"
    Parameters = ServiceParameters
    metrics: Mapping[str, Metric] = {
        "throughput_per_s": Metric("throughput_per_s", Direction.MAXIMIZE, "1/s"),
        "latency_p99_s": Metric("latency_p99_s", Direction.MINIMIZE, "s"),
    }

    def run(self, parameters: Any, context: Any) -> Mapping[str, float]:
        """Is never run here."""
        raise NotImplementedError


class PairParameters(_Closed):
    """Two numbers in order, and parameters that a test gives no meaning to."""

    low: int = 0
    high: int = 10
    word: str = "a"
    free: Any = None

    @model_validator(mode="after")
    def _ordered(self) -> PairParameters:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


class Pair:
    """A plug-in whose parameters depend on each other; the study names its metrics."""

    name = "pair"
    version = "1"
    Parameters = PairParameters
    metrics: Mapping[str, Metric] = {}

    def run(self, parameters: Any, context: Any) -> Mapping[str, float]:
        """Is never run here."""
        raise NotImplementedError


@pytest.fixture
def registry() -> Registry:
    """Know the systems of these tests beside what is installed."""
    return Registry(extra={"system": {"service": Service(), "pair": Pair()}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name the study file of a test."""
    return tmp_path / "study.yaml"


@pytest.fixture
def read(registry: Registry, file: Path) -> Callable[..., Study]:
    """Read a study from its text, with overrides."""

    def read(text: str, *overrides: str, **more: Any) -> Study:
        file.write_text(text)
        return read_file(file, registry=registry, overrides=overrides, **more).study

    return read


@pytest.fixture
def document(registry: Registry, tmp_path: Path) -> Callable[..., Study]:
    """Read a study about the service from its words, with overrides."""

    def document(*overrides: str, **words: Any) -> Study:
        given = {"study": "s", "system": "service", "base": {"duration_s": 1}, **words}
        return read_document(given, registry=registry, folder=tmp_path, overrides=overrides).study

    return document


@pytest.fixture
def pair(document: Callable[..., Study]) -> Callable[..., Study]:
    """Read a study about the pair from its words, with overrides."""

    def pair(*overrides: str, **words: Any) -> Study:
        return document(*overrides, **{"system": "pair", "base": {}, **words})

    return pair


@pytest.fixture
def refusal(read: Callable[..., Study], file: Path) -> Callable[..., str]:
    """Return the one line with which a study text is refused, `FILE` standing for the file's name."""

    def refusal(text: str, *overrides: str, **more: Any) -> str:
        with pytest.raises(UserError) as caught:
            read(text, *overrides, **more)
        line = str(caught.value)
        assert "\n" not in line
        assert caught.value.exit_code == 2
        return line.replace(str(file), "FILE")

    return refusal
