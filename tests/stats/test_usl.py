"""The Universal Scalability Law against published fits of published data.

Data and results of the R package usl, read at https://github.com/smoeding/usl at commit
480c97bfbdab9c2e80e64b431d4274f7f94771ff: data/specsdm91.rda and data/raytracer.rda; tests/summary.Rout.save,
tests/peak-scalability.Rout.save, tests/residuals.Rout.save, tests/confint.Rout.save, tests/coef.Rout.save.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.errors import FairtrialError
from fairtrial.stats.usl import usl

SDM91 = ([1, 18, 36, 72, 108, 144, 216], [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2])
RAYTRACER = ([1, 4, 8, 12, 16, 20], [20, 78, 130, 170, 190, 200])


def test_specsdm91():
    """SPEC SDM91 on a SPARCcenter 2000: coefficients, residuals and peak as published."""
    law = usl(*SDM91)
    assert law.contention == pytest.approx(0.0277285, abs=5e-8)
    assert law.coherency == pytest.approx(0.0001044, abs=5e-8)
    assert law.throughput == pytest.approx(89.9952330, abs=5e-6)
    assert law.peak == pytest.approx(96.51956, rel=1e-6)
    residuals = np.array(SDM91[1]) - law.at(SDM91[0])
    assert residuals == pytest.approx([-25.10, -81.66, 111.09, 3.05, -49.99, -46.60, 56.00], abs=0.01)


def test_raytracer():
    """A ray tracer on up to 20 processors: coefficients as published."""
    law = usl(*RAYTRACER)
    assert law.contention == pytest.approx(0.02444, abs=5e-6)
    assert law.coherency == pytest.approx(0.00163, abs=5e-6)
    assert law.throughput == pytest.approx(20.85605, abs=5e-6)


def test_made_example():
    """The package's made example has contention and coherency 0.02."""
    law = usl([1, 2, 4, 6, 8, 10], [1, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557])
    assert (law.contention, law.coherency, law.throughput) == pytest.approx((0.02, 0.02, 1.0), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.floats(1, 1e4), st.floats(0.001, 0.3), st.floats(1e-5, 0.01))
def test_exact_data_give_the_law_back(throughput, contention, coherency):
    """Without noise the coefficients come back."""
    load = 2.0 ** np.arange(8)
    exact = throughput * load / (1 + contention * (load - 1) + coherency * load * (load - 1))
    law = usl(load, exact)
    assert law.at(load) == pytest.approx(exact, rel=1e-4)
    assert law.peak == pytest.approx(math.sqrt((1 - contention) / coherency), rel=0.05)


def test_no_coefficient_is_negative():
    """More than linear growth ends at the bound, without a peak of note."""
    law = usl([1, 2, 4, 8], [10, 21, 44, 95])
    assert law.contention >= 0
    assert law.coherency >= 0


@pytest.mark.parametrize(("load", "throughput"), [([1, 2], [1, 2]), ([1, 2, 4], [0, 0, 0]), ([-1, 2, 4], [1, 2, 3])])
def test_refuses_what_has_no_law(load, throughput):
    """Too few loads, no throughput or negative loads are errors."""
    with pytest.raises(FairtrialError, match="three loads"):
        usl(load, throughput)
