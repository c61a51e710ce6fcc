"""Where a metric stops growing in one arm, and what the system says of it: its harness's limits, and its overload."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fairtrial.contract.system import Bounds, Overloads
from fairtrial.flow.evidence import Evidence
from fairtrial.model.curve import SaturationFinding


def saturated(
    found: Evidence, metric: str, factor: str, *, arm: str | None = None, response: str | None, think_s: float
) -> SaturationFinding:
    """Ask one arm where a metric stops growing; levels at which its subject was left behind are in no fit.

    Raises UnknownName, UserError as the detector does.
    """
    from fairtrial.analyse.curve.limited import limited
    from fairtrial.analyse.curve.overload import bracketed, overload
    from fairtrial.analyse.curve.saturation import saturation

    bound: Mapping[str, float] = found.system.bound if isinstance(found.system, Bounds) else {}
    limits: Mapping[str, float] = found.system.overload if isinstance(found.system, Overloads) else {}
    complete = found.study.completeness
    over = overload(found.data, limits, factor, arm=arm)
    one = saturation(
        found.data,
        metric=metric,
        factor=factor,
        arm=arm,
        direction=found.direction(metric),
        response=response,
        think_s=think_s,
        alpha=found.study.alpha,
        completeness=complete,
        below=math.inf if over is None else over.first,
    )
    if over is not None:
        one = bracketed(one, over, found.data, arm=arm, completeness=complete)
    return limited(one, found.data, bound, arm=arm)
