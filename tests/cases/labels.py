"""A system that writes a table, and two that read it or the trials behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from fairtrial.model.study import Direction, Metric


class LabellerParameters(BaseModel):
    """How many rows are labelled, and by how strict an annotator."""

    model_config = ConfigDict(extra="forbid")

    rows: int = 10
    strictness: float = 0.5


class Labeller:
    """Labels rows at random and keeps them as table `labels`."""

    name = "labeller"
    version = "1"
    Parameters = LabellerParameters
    metrics: Mapping[str, Metric] = {"positive": Metric("positive", unit="1")}

    def run(self, parameters: LabellerParameters, context: Any) -> dict[str, float]:
        """Draw the labels."""
        drawn = context.rng("labels").random(parameters.rows) > parameters.strictness
        context.table("labels", {"row": list(range(parameters.rows)), "label": [bool(one) for one in drawn]})
        return {"positive": float(drawn.mean())}


class ReaderParameters(BaseModel):
    """Which share of the table is read."""

    model_config = ConfigDict(extra="forbid")

    share: float = 1.0


class Reader:
    """Reads the input `labels`, the table of another run."""

    name = "reader"
    version = "1"
    Parameters = ReaderParameters
    metrics: Mapping[str, Metric] = {
        "positive": Metric("positive", Direction.MAXIMIZE, unit="1"),
        "rows": Metric("rows"),
    }

    def run(self, parameters: ReaderParameters, context: Any) -> dict[str, float]:
        """Count."""
        import polars as pl

        frame = pl.read_parquet(context.inputs["labels"])
        frame = frame.head(round(parameters.share * frame.height))
        return {"positive": float(frame["label"].mean()), "rows": float(frame.height)}


class Counter:
    """Reads the input `labels`, the trials of another run."""

    name = "counter"
    version = "1"
    Parameters = LabellerParameters
    metrics: Mapping[str, Metric] = {"trials": Metric("trials")}

    def run(self, parameters: LabellerParameters, context: Any) -> dict[str, float]:
        """Count the trials that are done and have both their factor and their metric."""
        import polars as pl

        frame = pl.read_parquet(context.inputs["labels"])
        done = (pl.col("status") == "done") & pl.col("rows").is_not_null()
        whole = frame.filter(done & pl.col("positive").is_finite())
        return {"trials": float(whole.height)}
