"""A document with every kind of section, from planted data; `python planted.py FOLDER` writes its report."""

import math
import sys
from pathlib import Path

import numpy as np

from fairtrial.model.choice import (
    Again,
    Candidate,
    ClaimFinding,
    OptimumFinding,
    SearchFinding,
    Share,
    Span,
    TextFinding,
)
from fairtrial.model.curve import (
    CrossoverFinding,
    Curve,
    Exchange,
    Fit,
    HeldOut,
    Jump,
    Level,
    Purchase,
    RangeFinding,
    SaturationFinding,
    ScalingFinding,
    ThresholdFinding,
)
from fairtrial.model.document import Document
from fairtrial.model.effect import Contrast, Effect, EffectsFinding, Importance, Marginal
from fairtrial.model.finding import (
    Caution,
    CautionKind,
    ConditionFinding,
    Estimate,
    Interval,
    Needed,
    Point,
    Verdict,
)
from fairtrial.report.document import write
from fairtrial.report.sections.conditions import Conditions
from fairtrial.report.sections.finding import section

T = "Student's t"
UNITS = {"throughput": "1/s", "latency_p99_s": "s", "crash_rate": "", "error": ""}
CAUTION = Caution(CautionKind.FEW_REPLICATES, "5 replicates a condition.", "Run with replicates: 10.")


def interval(low, high, method=T):
    return Interval(low, high, 0.95, method)


def points(levels, truth, sd, *, n=5, seed=1):
    """Points whose values are the truth plus noise: the dots, means and intervals of a plot."""
    rng = np.random.default_rng(seed)
    made = []
    for place, level in enumerate(levels):
        x = float(level) if isinstance(level, int | float) else float(place)
        values = truth(x) + sd * rng.standard_normal(n)
        mean, spread = float(values.mean()), float(values.std(ddof=1))
        half = 2.776 * spread / math.sqrt(n)
        drawn = (*values.tolist()[:-1], math.nan) if place == 2 else tuple(values.tolist())
        made.append(Point(level, x, drawn, n, int(place == 2), mean, spread, interval(mean - half, mean + half)))
    return tuple(made)


def threshold():
    found = points([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], lambda x: 0.05 if x < 0.35 else 0.22, 0.03)
    return ThresholdFinding(
        metric="crash_rate",
        factor="corruption_rate",
        points=found,
        shape="step",
        verdict=Verdict.SUPPORTED,
        place=(0.3, 0.4),
        place_interval=interval(0.2, 0.4, "bootstrap percentile"),
        step=0.17,
        step_interval=interval(0.14, 0.2, "bootstrap BCa"),
        p_step=0.001,
        p_trend=0.001,
        direction="increasing",
        isotonic=(0.05, 0.05, 0.05, 0.05, 0.22, 0.22, 0.22, 0.23),
        jumps=(Jump(0.3, 0.4, 3.4), Jump(0.0, 0.1, -0.52)),
        change=0.5,
        needed=Needed(0.041, None),
        answer="crash_rate steps up by 0.17 between corruption_rate 0.3 and 0.4 (p = 0.001, n = 5 a level).",
        cautions=(CAUTION,),
    )


def saturation():
    levels = [1, 2, 4, 8, 16, 32, 64]
    x = tuple(np.geomspace(1, 64, 60).tolist())
    y = tuple(min(410 * v, 3300) for v in x)
    return SaturationFinding(
        metric="throughput",
        factor="load.clients",
        points=points(levels, lambda v: min(410 * v, 3300), 120),
        fits=(
            Fit("hinge", {"slope": 410.0, "knee": 8.05}, 81.2, 0.93, 118.0, 0.99, {"knee": interval(7.1, 9.2, "b")}),
            Fit("saturating", {"top": 3600.0, "half": 6.2}, 86.6, 0.07, 160.0, 0.97),
            Fit("flat", {"level": 2200.0}, 140.0, 0.0, 1300.0, None),
        ),
        chosen="hinge",
        criterion="AICc",
        knee=8.05,
        knee_interval=interval(7.1, 9.2, "bootstrap percentile"),
        capacity=3300.0,
        capacity_interval=interval(3240, 3370, "bootstrap percentile"),
        saturation_level=16.0,
        asymptotic_knee=8.4,
        asymptotic_interval=None,
        peak=None,
        peak_interval=None,
        curve=Curve(x, y, tuple(0.95 * v for v in y), tuple(1.05 * v for v in y)),
        verdict=Verdict.SUPPORTED,
        answer="throughput stops growing at load.clients = 8.05 (95 % interval 7.1 to 9.2).",
    )


def operating_range():
    clauses = ("latency_p99_s <= 0.02", "success_rate >= 0.999")
    levels = tuple(
        Level(n, float(n), n <= 8, () if n <= 8 else clauses[:1], 5, 0, {clauses[0]: 0.002 * n, clauses[1]: 1.0})
        for n in (1, 2, 4, 8, 16)
    )
    answer = "Every service level is kept up to load.clients = 8."
    return RangeFinding(
        "load.clients", clauses, levels, 8.0, reached=True, first_failing=clauses[0],
        headroom={clauses[0]: 0.2, clauses[1]: 0.001}, recommended=6.4, verdict=Verdict.SUPPORTED, answer=answer,
    )  # fmt: skip


def scaling(variant="gpt", floor=0.08, seed=3):
    sizes = [100, 200, 400, 800, 1600, 3200]
    x = tuple(np.geomspace(100, 3200, 50).tolist())
    y = tuple(floor + 4 * v**-0.6 for v in x)
    return ScalingFinding(
        metric="error",
        factor="budget",
        variant=variant,
        points=points(sizes, lambda v: floor + 4 * v**-0.6, 0.006, seed=seed),
        fits=(
            Fit("power law", {"E": floor, "A": 4.0, "alpha": 0.6}, -50.0, 0.9, 0.006, 0.99),
            Fit("log-linear", {"a": 0.5, "b": -0.05}, -41.0, 0.1, 0.02, 0.9),
        ),
        chosen="power law",
        parameters={"E": interval(0.06, 0.1, "bootstrap"), "alpha": interval(0.5, 0.72, "bootstrap")},
        held_out=(HeldOut(1600.0, 0.127, 0.129), HeldOut(3200.0, 0.111, 0.108)),
        extrapolation_error=0.021,
        plateau=floor,
        plateau_interval=interval(floor - 0.02, floor + 0.02, "bootstrap"),
        curve=Curve(x, y, tuple(0.96 * v for v in y), tuple(1.04 * v for v in y)),
        verdict=Verdict.SUPPORTED,
        answer="error falls with budget as a power law of exponent 0.6 and levels off at 0.08.",
    )


def crossover():
    one, two = scaling(), scaling("expert", 0.05, 4)
    steeper = Curve(two.curve.x, tuple(0.05 + 8 * v**-0.66 for v in two.curve.x))
    return CrossoverFinding(
        metric="error",
        factor="budget",
        arms=("gpt", "expert"),
        points=(one.points, points([100, 200, 400, 800, 1600, 3200], lambda v: 0.05 + 8 * v**-0.66, 0.006, seed=5)),
        curves=(one.curve, steeper),
        place=1450.0,
        place_interval=interval(900.0, 2300.0, "bootstrap percentile"),
        interpolated=1390.0,
        p_none=0.02,
        exchange=(Exchange(100.0, 260.0, 220.0, 310.0), Exchange(3200.0, None, None, None)),
        purchases=(Purchase(1000.0, "gpt", 2000.0, 0.12, 0.83),),
        verdict=Verdict.SUPPORTED,
        answer="gpt and expert cross at budget = 1450 (95 % interval 900 to 2300).",
        contrasts=(
            Contrast(100, 0.1, interval(0.05, 0.15), 0.001, 0.002, 5),
            Contrast(3200, None, None, None, None, 0),
        ),
    )


def text():
    levels = ((0.0, 3), (0.3, 9), (0.6, 21))
    shares = tuple(Share(x, k, 40, k / 40, interval(k / 40 - 0.05, k / 40 + 0.12, "Wilson")) for x, k in levels)
    return TextFinding(
        "void", "answers", "text", "corruption_rate", shares, 0.002, Verdict.SUPPORTED,
        "The share of answers that mention “void” rises from 0.075 to 0.525.", (CAUTION,),
    )  # fmt: skip


def estimate(metric, mean, sd, n=5, missing=0):
    half = 2.776 * sd / math.sqrt(n)
    ends = interval(mean - half, mean + half)
    return Estimate(metric, n, missing, mean, sd, mean, mean - sd, mean + sd, ends, {0.5: mean, 0.95: mean + sd})


def candidates():
    means = (0.912, 0.909, 0.905, 0.881, 0.874, 0.83)
    return tuple(
        Candidate(
            "tuned" if place % 2 else "plain", {"lr": 10.0 ** -(place + 1), "depth": place},
            estimate("accuracy", mean, 0.008), 0.9 * mean + 0.088, interval(0.0, 0.01 + 0.912 - mean, "Dunnett"),
            best=place < 3, feasible=(True, None, False)[place % 3], pareto=place < 2,
        )
        for place, mean in enumerate(means)
    )  # fmt: skip


def again():
    first, second = estimate("accuracy", 0.912, 0.008), estimate("accuracy", 0.903, 0.007, 10)
    return (Again("plain", {"lr": 0.1, "depth": 0}, first, second, 0.009, interval(0.002, 0.016), 7),)


def optimum():
    return OptimumFinding(
        "accuracy", "maximize", candidates(), 3, 0.003, (0, 1), 2, again(), Needed(0.014, 12), Verdict.INCONCLUSIVE,
        "3 of 6 conditions cannot be told from the best (accuracy 0.912 at plain, lr = 0.1, depth = 0).", (CAUTION,),
    )  # fmt: skip


def search():
    listed = candidates()
    return SearchFinding(
        "accuracy", "maximize", 80, 30, {"oom": 2, "timeout": 8}, listed[0], 5, 0.9, 0.01, 0.85, 0.06, 0.012, 0.01,
        listed[:3], {"lr": Span(1e-3, 0.1), "opt": Span(None, None, ("adam", "sgd"))}, {"lr": 0.7, "opt": 0.2}, again(),
        Verdict.INCONCLUSIVE, "The best of 80 completed trials reaches 0.912; three conditions are as good.",
    )  # fmt: skip


def effects():
    lr = points([1e-4, 1e-3, 1e-2, 1e-1], lambda x: 0.8 + 0.02 * math.log10(x / 1e-5), 0.01)
    opt = points(["adam", "sgd", "rmsprop with momentum", "lion"], lambda x: 0.85 + 0.01 * x, 0.01, seed=9)
    size = interval(0.4, 0.8, "bootstrap BCa")
    main = Effect(("lr",), 41.2, 0.001, 0.003, 0.63, size, 0.06, interval(0.04, 0.08), 5.1, Verdict.SUPPORTED)
    small = Effect(("opt",), 0.7, 0.52, 0.52, -0.02, None, 0.004, None, 0.3, Verdict.INCONCLUSIVE, "too few replicates")
    both = Effect(("lr", "opt"), None, None, None, None, None, None, None, None, Verdict.INCONCLUSIVE, "one replicate")
    shares = tuple(
        Importance(name, share, interval(share - 0.05, share + 0.07, "bootstrap percentile, 200 repeats"))
        for name, share in (("lr", 0.64), ("a.very.long.parameter.path.indeed", 0.2), ("opt", 0.06))
    )
    return EffectsFinding(
        "accuracy", (main, small, both),
        (Marginal("lr", ordered=True, points=lr), Marginal("opt", ordered=False, points=opt)), shares, ("opt",),
        "permutation within replicates", "Holm", Needed(0.02, 9), Verdict.SUPPORTED, "lr matters: 0.06 between levels.",
    )  # fmt: skip


def measured(count=3):
    return tuple(
        ConditionFinding(
            "", {"corruption_rate": 0.1 * n, "mode": "a"}, 6,
            {"crash_rate": estimate("crash_rate", 0.05 * (n + 1), 0.005, 5, 1), "cycles": estimate("cycles", 9.0, 1.0)},
            {"oom": 1} if n % 2 else {},
        )
        for n in range(count)
    )  # fmt: skip


def findings():
    return [
        effects(), threshold(), saturation(), operating_range(), optimum(), scaling(), crossover(), text(), search(),
    ]  # fmt: skip


def document(count=60):
    claims = (
        ClaimFinding(
            "tuned.throughput > default.throughput by 5%", Verdict.SUPPORTED, "tuned is faster by 9 % (4 to 14).", 0.09,
            interval(0.04, 0.14), 0.002, 0.004, Needed(0.03),
        ),
        ClaimFinding("error is flat with lr", Verdict.INCONCLUSIVE, "It cannot be said.", needed=Needed(0.2, 14)),
    )  # fmt: skip
    parts = [section(finding, UNITS) for finding in findings()]
    return Document(
        title="postgres-saturation, run 12",
        question="Up to how many clients does this PostgreSQL keep p99 under 20 ms?",
        answer="Up to 8 clients; throughput stops growing at 8.05 (95 % interval 7.1 to 9.2).",
        verdict="supported",
        facts=(("study", "postgres-saturation"), ("run", "12"), ("trials", "35 done, 1 failed (oom)")),
        claims=claims,
        sections=(*parts, section(Conditions(measured(count), ("crash_rate", "cycles")), UNITS)),
        cautions=(CAUTION, CAUTION),
        limits=("Nothing is said beyond 64 clients.",),
        reproduce=("git checkout 1f3a9c2", "fairtrial reproduce 12"),
        digests=(("study", "5f" * 16), ("plan", "a0" * 16)),
    )


if __name__ == "__main__":
    for path in write(document(), Path(sys.argv[1])):
        print(path)
