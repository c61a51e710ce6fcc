"""Fitted models side by side, best first."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.model.curve import Fit
from fairtrial.model.figure import Grid, shown


def table(fits: Sequence[Fit], *, criterion: str = "criterion") -> Grid:
    """List models with the criterion that chooses (smaller is better), their weights and their parameters."""
    rows = tuple(
        (fit.model, fit.criterion, fit.weight, fit.residual_sd, fit.r_squared, _parameters(fit)) for fit in fits
    )
    return Grid(("model", criterion, "weight", "residual sd", "R²", "parameters"), rows, "Models, best first")


def _parameters(fit: Fit) -> str:
    return ", ".join(f"{name} = {shown(value)}{_ends(fit, name)}" for name, value in fit.parameters.items())


def _ends(fit: Fit, name: str) -> str:
    interval = fit.intervals.get(name)
    return f" [{shown(interval.low)}, {shown(interval.high)}]" if interval is not None else ""
