"""Simulated subjects whose truth is known, so that what an analysis says can be checked against it."""

import math
from random import Random


def minds(
    corruption: float, ram_gb: float = 8.0, threads: int = 2, report_every: int = 5, *, seed: int, context
) -> dict[str, float]:
    """Crash rate of a mind whose memory is corrupted: it jumps at 0.45, falls with RAM, and threads do nothing."""
    noise = Random(f"minds/{seed}/{corruption}/{ram_gb}/{report_every}")
    rate = (0.2 if corruption < 0.45 else 0.4) + 0.4 / ram_gb + 0.2 * (report_every == 2 and corruption > 0.45)
    trust = 0.8 if corruption < 0.45 else 0.3
    said = ["I trust what I remember." if noise.random() < trust else "I cannot say what was real." for _ in range(5)]
    context.table("answers", [{"answer": text} for text in said])
    return {"crash_rate": rate * math.exp(noise.gauss(0, 0.1)), "cycles": 20 + noise.gauss(0, 0.2)}


def server(clients: int, overhead: float = 0.0, *, seed: int) -> dict[str, float]:
    """Serve 100 requests a second for each client up to 8 clients; beyond that requests wait."""
    noise = Random(f"server/{seed}/{clients}/{overhead}")
    served = 100 * min(clients, 8) / (1 + overhead) * math.exp(noise.gauss(0, 0.03))
    return {"throughput_per_s": served, "latency_s": clients / served * math.exp(noise.gauss(0, 0.02))}


def labels(n: int, source: str, *, seed: int) -> dict[str, float]:
    """Error of a model after n labels: a crowd's are better at first, experts' in the end. They cross at n = 100."""
    noise = Random(f"labels/{seed}/{n}/{source}")
    floor, slope = (0.30, 1.0) if source == "crowd" else (0.10, 3.0)
    return {"error": floor + slope * n**-0.5 + noise.gauss(0, 0.005)}


def landscape(x: float, y: float, z: float = 0.0, *, seed: int) -> dict[str, float]:
    """Score with its peak of 1 at x = 0.3, y = 0.7, under noise of 0.05; z does nothing."""
    noise = Random(f"landscape/{seed}/{x}/{y}")
    return {"score": math.exp(-8 * ((x - 0.3) ** 2 + (y - 0.7) ** 2)) + noise.gauss(0, 0.05)}
