"""What a request over HTTP costs the client: fairtrial's closed loop against bare aiohttp, a bare protocol, and wrk.

Usage: python benchmarks/web.py [--quick] [--passes N]
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from measure import Sample, bench, median, options, process, python, shown, spread, table, timed
from nginx import Server, nginx, program

PAIRS = (("library", "aiohttp"), ("raw", "protocol"))
NAMES = {
    "aiohttp": "aiohttp + uvloop, bare",
    "protocol": "a protocol on uvloop, bare (parses nothing)",
    "library": "fairtrial, path: library (aiohttp)",
    "raw": "fairtrial, path: raw (httptools)",
    "wrk": "wrk, one thread",
}


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    sizes, seconds = ((8,), 0.5) if chosen.quick else ((1, 8, 32), 3.0)
    with bench("HTTP, closed loop: CPU of the client a request (nginx, one worker, loopback)"), nginx() as server:
        if server is None:
            return
        for clients in sizes:
            compare(server, clients, seconds, chosen.passes)
        print("\nasked for: library at most 1.30 of bare aiohttp; raw at most 10 us")


def compare(server: Server, clients: int, seconds: float, passes: int) -> None:
    """Measure all senders in every pass, the order turned round each time; print CPU and rates."""
    kinds = [kind for kind in NAMES if kind != "wrk" or program("wrk")]
    samples: dict[str, list[Sample]] = {kind: [] for kind in kinds}
    for number in range(passes):
        for kind in kinds if number % 2 == 0 else reversed(kinds):
            samples[kind].append(sample(kind, clients, seconds, server.url))
    against = dict(PAIRS)
    rows = [row(kind, samples[kind], samples.get(against.get(kind, ""), [])) for kind in kinds]
    print(f"\n{clients} connections, {seconds:g} s")
    table(["", "CPU us a request", "to bare, same pass", "requests/s"], rows)
    if "wrk" not in kinds:
        print("skipped: wrk is not installed (apt install wrk, brew install wrk)")


def sample(kind: str, clients: int, seconds: float, url: str) -> Sample:
    """Run one sender."""
    if kind != "wrk":
        return process(python("sender.py", kind, clients, seconds, url))
    whole = max(1, round(seconds))
    command = [program("wrk") or "wrk", "-t1", f"-c{clients}", f"-d{whole}s", url]
    ended, text = timed_text(command)
    found = re.search(r"(\d+) requests in", text)
    if found is None:
        return Sample(ended.cpu_s, error="no figures")
    return Sample(ended.cpu_s, {"cpu_s": ended.cpu_s, "seconds": whole, "requests": int(found[1])})


def timed_text(command: Sequence[str]) -> tuple[Sample, str]:
    """Run a program; return its CPU time, and what it printed."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        ended = timed(["sh", "-c", 'exec "$@" > out', "sh", *command], folder)
        return ended, Path(folder, "out").read_text()


def row(kind: str, samples: Sequence[Sample], bare: Sequence[Sample]) -> list[str]:
    """Make a row."""
    errors = [one.error for one in samples if one.error]
    if errors:
        return [NAMES[kind], f"failed: {errors[0][:80]}", "", ""]
    ratios = [cpu_us(a) / cpu_us(b) for a, b in zip(samples, bare, strict=False) if not b.error]
    rate = median(samples, lambda one: float(one.said["requests"]) / float(one.said["seconds"]))
    return [NAMES[kind], shown(median(samples, cpu_us), ".1f"), spread(ratios) if ratios else "–", shown(rate)]


def cpu_us(sample: Sample) -> float:
    """Return CPU microseconds a request."""
    return 1e6 * float(sample.said["cpu_s"]) / float(sample.said["requests"])


if __name__ == "__main__":
    main()
