"""What each request needs, drawn from named streams: the same for the same seed, whatever the load."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from math import exp, log1p, sqrt

import numpy as np

from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.virtual.words import Service, Shape

BLOCK = 4096
NEIGHBOURS = 10
Demand = tuple[float, float, int, bool]
"""Seconds of work, those of them that come after the first token, tokens, and whether it fails."""


def demands(shape: Shape, seed: int, *, speed: float = 1.0) -> Iterator[Demand]:
    """Yield what the requests need, in order, endlessly."""
    service, length, fate = (generator(seed, name) for name in ("service", "tokens", "errors"))
    scale = shape.service.mean_s * shape.slowdown * speed
    stream, rate = shape.stream, shape.errors.rate if shape.errors else 0.0
    sound = [False] * BLOCK
    while True:
        work = scale * unit(shape.service, service)
        fails = (fate.random(BLOCK) < rate).tolist() if rate else sound
        if stream is None:
            yield from zip(work.tolist(), repeat(0.0), repeat(-1), fails)
            continue
        tokens = lengths(stream.tokens_out, stream.cv, length)
        later = (tokens - 1) * stream.per_token_s * shape.slowdown * speed
        yield from zip((work + later).tolist(), later.tolist(), tokens.tolist(), fails, strict=True)


def unit(service: Service, rng: np.random.Generator, size: int = BLOCK) -> Floats:
    """Draw service times of mean 1."""
    match service.kind:
        case "constant":
            return np.ones(size)
        case "exponential":
            return rng.standard_exponential(size)
        case "gamma":
            shape = service.cv**-2
            return np.asarray(rng.standard_gamma(shape, size) / shape)
        case "lognormal":
            spread = log1p(service.cv**2)
            return np.asarray(np.exp(sqrt(spread) * rng.standard_normal(size) - spread / 2))


def lengths(mean: float, cv: float, rng: np.random.Generator) -> np.ndarray:
    """Draw lengths of answers, in tokens: gamma, rounded, at least one."""
    drawn = mean * rng.standard_gamma(cv**-2, BLOCK) * cv**2 if cv else np.full(BLOCK, mean)
    return np.maximum(1, np.rint(drawn)).astype(np.int64)


def thinks(load: Load, seed: int) -> Iterator[float]:
    """Yield the pauses of clients, endlessly, in seconds."""
    rng = generator(seed, "think")
    if not load.think_s or load.think == "constant":
        yield from repeat(load.think_s)
    while True:
        yield from (load.think_s * rng.standard_exponential(BLOCK)).tolist()


def recalls(share: float | None, size: int, seed: int) -> Floats:
    """Draw which share of ten true neighbours each request finds; NaN where none is defined."""
    if share is None:
        return np.full(size, np.nan)
    return np.asarray(generator(seed, "recall").binomial(NEIGHBOURS, share, size) / NEIGHBOURS)


def speed(shape: Shape, load: Load, seed: int) -> float:
    """Draw the factor of this run's service times: log-normal around 1, another one for every setting.

    A replicate has one seed in all conditions, but what differs between runs of a machine does not know that.
    """
    if not shape.between_run_sd:
        return 1.0
    rng = generator(seed, "speed", shape.model_dump_json(), load.model_dump_json())
    return exp(shape.between_run_sd * float(rng.standard_normal()))


def salted(seed: int, salt: int) -> int:
    """Return the seed of a run with that salt."""
    return int(generator(seed, "salt", str(salt)).integers(2**62)) if salt else seed
