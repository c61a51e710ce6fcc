"""Trials that misbehave: each becomes a failure with its class (or a counted gap), and the others are not harmed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HANGS_IN_C = """
    import ctypes, signal

    def f(x: int):
        if x == 2:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            while True:
                ctypes.CDLL(None).sleep(100)
        return {"y": x}
"""

EATS_MEMORY = """
    def f(x: int):
        held = []
        while x == 2:
            held.append(bytearray(b"1") * 20_000_000)
        return {"y": x}
"""

FORKS = """
    import os, signal, subprocess, time

    def f(x: int):
        if x == 1:
            subprocess.run("sleep 300 & (sleep 300 &)", shell=True)
        elif os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if x == 2 or os.fork() == 0:
                time.sleep(300)
            os._exit(0)
        return {"y": x}
"""


def by_x(shop) -> dict:
    """Return the trials of run 1 by their x."""
    return {row["assignment"]["x"]: row for row in shop.trials()}


def failure(row) -> str:
    """Return the class of a trial's failure, '' for none; the message must be one line."""
    found = row["failure"] or {"kind": "", "message": "-"}
    assert len(found["message"].splitlines()) == 1, found
    return found["kind"]


@pytest.mark.parametrize(
    ("code", "limits", "kind"),
    [
        (HANGS_IN_C, {"wall": "1s"}, "timeout"),
        (EATS_MEMORY, {"memory": "300MiB", "wall": "60s"}, "oom"),
        ("def f(x: int):\n    return {'y': x} if x != 2 else {'why': x}\n", {}, "bad_result"),
        ("def f(x: int):\n    return {'y': x} if x != 2 else 'text'\n", {}, "bad_result"),
        ("def f(x: int):\n    return {'y': x if x != 2 else 'text'}\n", {}, "bad_result"),
        ("import os\ndef f(x: int):\n    x == 2 and os._exit(0)\n    return {'y': x}\n", {}, ("crash", "bad_result")),
        ("import os\ndef f(x: int):\n    x == 2 and os.kill(os.getpid(), 11)\n    return {'y': x}\n", {}, "crash"),
        ("def f(x: int):\n    return {'y': x / (x - 2)}\n", {}, "exception"),
    ],
    ids=["hangs in C", "eats memory", "wrong keys", "text", "text metric", "exits 0", "segfaults", "raises"],
)
def test_one_bad_trial(shop, code, limits, kind):
    """The bad trial fails with its class, the run says so with exit 3, its neighbours are done."""
    shop.write(code, limits=limits)
    shop.type("run", "study.yaml", code=3)
    rows = by_x(shop)
    assert failure(rows[2]) in ((kind,) if isinstance(kind, str) else kind)
    assert [rows[x]["status"] for x in (1, 2, 3)] == ["done", "failed", "done"]
    assert rows[2]["metrics"].get("y") is None
    assert shop.processes() == []


def test_wrong_key_names_the_nearest(shop):
    """A misspelt metric is named, with the one that was declared."""
    shop.write("def f(x: int):\n    return {'acuracy': x}\n", metrics={"accuracy": "maximize"}, factors={"x": [1]})
    shop.type("run", "study.yaml", code=3)
    message = shop.trials()[0]["failure"]["message"]
    assert "'accuracy'" in message
    assert "acuracy" in message


def test_children_are_ended(shop):
    """Daemons, background shells and double forks end with their trial; the results stand."""
    shop.write(FORKS)
    shop.type("run", "study.yaml")
    assert [row["metrics"]["y"] for row in shop.trials()] == [1, 2, 3]
    assert shop.processes() == []


def test_hundred_megabytes(shop):
    """A trial that prints 100 MB is done, all of it is kept, and the driver's memory does not grow with it."""
    code = """
        import sys
        def f(x: int):
            for _ in range(100):
                sys.stdout.write("0123456789abcde\\n" * 62_500)
            return {"y": x}
    """
    shop.write(code, factors={"x": [1]})
    measured = "import sys; from fairtrial.cli.main import main\ntry: main()\nfinally: "
    measured += (
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr)"  # starts at exec
    )
    command = [sys.executable, "-c", measured, "run", "study.yaml", "--quiet"]
    said = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=True)
    assert int(said.stderr.split()[-1]) < 400_000
    assert len(shop.type("logs", "1.1").stdout) == 100_000_000


def test_undefined_is_missing(shop):
    """NaN and infinities are undefined values: the trial is done, the metric missing, and never a number."""
    code = "def f(x: int):\n    return {'y': {1: float('nan'), 2: float('inf'), 3: 3.0}[x]}\n"
    shop.write(code)
    shop.type("run", "study.yaml")
    rows = by_x(shop)
    assert {x: row["metrics"]["y"] for x, row in rows.items()} == {1: None, 2: None, 3: 3.0}
    assert {row["status"] for row in rows.values()} == {"done"}
    estimates = [found["estimates"]["y"] for found in shop.data("show", "1")["findings"]]
    assert sorted((found["n"], found["missing"]) for found in estimates) == [(0, 1), (0, 1), (1, 0)]


def test_command_without_a_result(shop):
    """A command that exits 0 and prints no metrics is a bad result; one that fails says how."""
    script = "case $1 in 1) echo '{\"y\": 1}';; 2) echo nothing;; 3) echo broken >&2; exit 9;; esac\n"
    (shop.folder / "train.sh").write_text(script)
    shop.declare(system={"command": ["sh", "train.sh", "{x}"]})
    shop.type("run", "study.yaml", code=3)
    rows = by_x(shop)
    assert [failure(rows[x]) for x in (1, 2)] == ["", "bad_result"]
    assert rows[3]["failure"]["exit_code"] == 9
    assert "broken" in shop.type("logs", f"1.{rows[3]['number']}").stderr
