"""The workload of a vector store, whichever it is: how many vectors of what kind, and what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from fairtrial.systems.services.load.words import Words


class Vectors(Words):
    """Parameters that every vector store has. The data depend on these alone, never on the trial's seed."""

    operation: Literal["ingest", "query", "filtered", "mix"] = Field(
        default="query",
        description="ingest: batches of new vectors; query: k nearest; filtered: k nearest of those that match; "
        "mix: query and ingest in one collection.",
    )
    vectors: int = Field(default=10_000, ge=1, le=10_000_000, description="Vectors loaded before queries are timed.")
    dimension: int = Field(default=384, ge=1, le=65_536, description="Components of a vector.")
    clusters: int = Field(default=100, ge=0, description="Clusters that the vectors form; 0: none, the hardest data.")
    spread: float = Field(
        default=0.3, gt=0, description="Standard deviation in a cluster; centres have 1 between them."
    )
    data_seed: int = Field(default=0, ge=0, description="Seed of the vectors; the trial's seed draws the queries.")
    space: Literal["l2", "cosine", "ip"] = Field(
        default="cosine", description="Distance: also that of the exact truth."
    )
    top_k: int = Field(default=10, ge=1, le=10_000, description="Neighbours that a query asks for.")
    queries: int = Field(default=200, ge=1, le=100_000, description="Different query vectors that are drawn from.")
    filter_share: float = Field(default=0.1, gt=0, le=1, description="Filtered: share of the vectors that match.")
    batch: int = Field(default=100, ge=1, le=5_000, description="Ingest: vectors in one request.")
    ingest_share: float = Field(default=0.1, gt=0, lt=1, description="Mix: share of the requests that ingest.")

    @model_validator(mode="after")
    def _enough(self) -> Vectors:
        if self.operation in ("query", "filtered", "mix") and self.top_k > self.matching:
            raise ValueError(f"top_k is {self.top_k}, but only {self.matching} vectors can match")
        return self

    @property
    def matching(self) -> int:
        """How many of the loaded vectors can be an answer."""
        return round(self.vectors * self.filter_share) if self.operation == "filtered" else self.vectors

    @property
    def reads(self) -> bool:
        """Whether nothing is added while the load runs: only then is the truth known."""
        return self.operation in ("query", "filtered")

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of the operations, by index."""
        return ("query", "ingest") if self.operation == "mix" else (self.operation,)

    def changed(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Say that the collection (counter `vectors`) changed while it was only to be read; ''."""
        had, has = before.get("vectors"), after.get("vectors")
        if not self.reads or had is None or has is None or had == has:
            return ""
        return f"the collection had {had:g} vectors before and {has:g} after, although nothing was to be added"
