"""Bugs that other tools had and users met: each is tried here as a user would meet it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

PLAIN = "def f(x: int):\n    return {'y': x}\n"


def marks(shop, name: str = "calls.txt") -> list[str]:
    """Return the lines that subjects wrote to a file."""
    path = shop.folder / name
    return path.read_text().splitlines() if path.exists() else []


def test_json_stays_json(shop):
    """Levels that look like JSON come back as they were given: text as text, mappings as mappings, once encoded."""
    levels = ['{"a": 1}', "1", "null", {"a": [1, "2"]}, ["1", 2], 'say "x"']
    shop.write("def f(x):\n    return {'y': float(isinstance(x, str))}\n", factors={"x": levels})
    shop.type("run", "study.yaml")
    rows = shop.trials()
    assert [row["assignment"]["x"] for row in rows] == levels
    assert [row["metrics"]["y"] for row in rows] == [1, 1, 1, 0, 0, 1]
    shop.type("run", "study.yaml")
    assert [row["assignment"]["x"] for row in shop.trials()] == levels


def test_reader_does_not_block_the_writer(shop):
    """A reader that holds the book open in a long transaction delays nobody."""
    shop.write(PLAIN, factors={"x": [1]})
    shop.type("run", "study.yaml")
    reader = sqlite3.connect(shop.folder / ".fairtrial/book.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
    shop.type("run", "study.yaml", "x=1,2,3,4,5")
    reader.execute("COMMIT")
    reader.close()
    assert len(shop.trials()) == 5


def test_readers_while_it_runs(shop):
    """`list` and `show` answer while a study runs, and show what is done so far."""
    shop.write(
        "import time\ndef f(x: int):\n    time.sleep(0.2)\n    return {'y': x}\n", factors={"x": {"range": [1, 40, 1]}}
    )
    driver = shop.start("run", "study.yaml", "--quiet")
    seen = []
    while driver.poll() is None:
        if (shop.folder / ".fairtrial/book.db").exists() and (found := shop.type("list", "--json").stdout):
            seen += [run["done"] for run in json.loads(found)["data"]]
    driver.communicate()
    assert driver.returncode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 2


@pytest.mark.parametrize("kind", ["random", "sobol", "lhs"])
def test_resume_does_not_repeat_points(shop, other, kind):
    """A sampled design that is interrupted ends with the distinct points of an undisturbed one."""
    code = "def f(x: float):\n    return {'y': x}\n"
    study = {"factors": {"x": {"interval": [0, 1]}}, "design": {"kind": kind, "n": 8}}
    shop.write(code, **study)
    shop.type("run", "study.yaml")
    other.write(code, **study, stop={"trials": 5})
    for exit_code in (7, 0):
        other.type("run", "study.yaml", code=exit_code)
    points = [[row["assignment"]["x"] for row in place.trials()] for place in (shop, other)]
    assert sorted(points[0]) == sorted(points[1])
    assert len(set(points[1])) == 8


def test_first_points_differ_in_parallel(shop):
    """Trials that start together have different points."""
    code = "def f(x: float):\n    return {'y': x}\n"
    shop.write(code, factors={"x": {"interval": [0, 1]}}, design={"kind": "random", "n": 8}, parallel={"jobs": 8})
    shop.type("run", "study.yaml")
    assert len({row["metrics"]["y"] for row in shop.trials()}) == 8


FLAKY = """
    import os

    def f(x: int):
        with open("calls.txt", "a") as calls:
            calls.write(f"{x}\\n")
        if x == 2 and not os.path.exists("mended"):
            raise RuntimeError("not mended")
        return {"y": x}
"""


def test_failed_trial_can_be_run_again(shop):
    """A failed trial does not block its cell: `retry` runs it, and it alone."""
    shop.write(FLAKY)
    shop.type("run", "study.yaml", code=3)
    shop.type("run", "study.yaml", code=3)
    assert sorted(marks(shop)) == ["1", "2", "3"]
    (shop.folder / "mended").touch()
    shop.type("retry", "1")
    assert sorted(marks(shop)) == ["1", "2", "2", "3"]
    assert sorted(row["metrics"]["y"] for row in shop.trials()) == [1, 2, 3]


def test_early_stop_can_be_continued(shop):
    """A run given up because too much fails (exit 3) continues under its number once the cause is mended."""
    shop.write(FLAKY, factors={"x": [2, 1, 3, 4, 5]}, stop={"failures": 1}, parallel={"jobs": 1})
    shop.type("run", "study.yaml", code=3)
    assert len(marks(shop)) < 5
    (shop.folder / "mended").touch()
    shop.type("retry", "1")
    shop.type("run", "study.yaml")
    assert sorted(row["metrics"]["y"] for row in shop.trials()) == [1, 2, 3, 4, 5]
    assert [run["number"] for run in shop.data("list")] == [1]


CRASHES_ONCE = """
    import os, pathlib

    def f(x: int, context):
        tried = pathlib.Path(f"tried-{x}")
        for step in range(50):
            context.log(step, y=float(step))
        if not (first := tried.exists()):
            tried.touch()
            os.kill(os.getpid(), 9)
        return {"y": x}
"""


def test_retry_takes_no_other_trial_s_place(shop):
    """Retries cost no trial of the plan or of the budget: every trial ends done, with two attempts."""
    shop.write(CRASHES_ONCE, factors={"x": [1, 2, 3, 4]}, stop={"trials": 4})
    shop.type("run", "study.yaml")
    assert [row["status"] for row in shop.trials()] == ["done"] * 4
    for number in range(1, 5):
        assert [attempt["status"] for attempt in shop.attempts(f"1.{number}")] == ["failed", "done"]


def test_retries_do_not_multiply_data(shop):
    """Data of failed attempts is kept apart: tables and series hold each trial once, however often it was tried."""
    shop.write(CRASHES_ONCE, factors={"x": [1, 2]})
    shop.type("run", "study.yaml")
    shop.type("export", "1", "--format", "json", "-o", "out")
    rows = json.loads((shop.folder / "out/trials.json").read_text())
    steps = json.loads((shop.folder / "out/series.json").read_text())
    assert len(rows) == 2
    assert sorted((step["trial"], step["step"]) for step in steps) == [(n, s) for n in (1, 2) for s in range(50)]


def test_scratch_is_always_fresh(shop):
    """No attempt finds files of another: a retry, a resume and a later run start with an empty folder."""
    code = """
        import os, pathlib

        def f(x: int, context):
            found = sorted(path.name for path in context.scratch.iterdir())
            (context.scratch / "left-over").touch()
            tried = pathlib.Path(f"tried-{x}")
            if not tried.exists():
                tried.touch()
                os.kill(os.getpid(), 9)
            return {"y": float(len(found))}
    """
    shop.write(code, factors={"x": {"range": [1, 6, 1]}})
    shop.type("run", "study.yaml", "--limit", "3")
    shop.type("run", "study.yaml")
    shop.type("run", "study.yaml", "--fresh")
    assert [row["metrics"]["y"] for run in (1, 2) for row in shop.trials(run)] == [0.0] * 12


def test_every_failure_is_told_while_it_runs(shop):
    """Failures are shown while the study still runs, each trial with its own exception, not only the first one."""
    code = """
        import os, time

        def f(x: int):
            if x < 3:
                raise ValueError(f"trial {x} has its own reason")
            while not os.path.exists("go"):
                time.sleep(0.05)
            return {"y": x}
    """
    shop.write(code)
    driver = shop.start("run", "study.yaml")
    end = time.monotonic() + 60
    rows: list = []
    while len(rows) < 2 and time.monotonic() < end:
        if (shop.folder / ".fairtrial/book.db").exists():
            answer = shop.start("show", "1", "--failed", "--json").communicate()[0]
            rows = json.loads(answer)["data"]["trials"] if answer else []
    assert driver.poll() is None
    messages = {row["assignment"]["x"]: row["failure"]["message"] for row in rows}
    assert all(f"trial {x} has its own reason" in messages[x] for x in (1, 2))
    assert "Traceback" in shop.attempts(f"1.{rows[0]['number']}")[0]["failure"]["detail"]
    (shop.folder / "go").touch()
    driver.communicate(timeout=60)
    assert driver.returncode == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to CPUs")
def test_auto_jobs_respect_the_cpus_given(shop):
    """On one CPU of many, `jobs: auto` runs one trial at a time, however many CPUs the host has."""
    code = """
        import time

        def f(x: int):
            began = time.monotonic()
            time.sleep(0.15)
            with open("calls.txt", "a") as calls:
                calls.write(f"{began} {time.monotonic()}\\n")
            return {"y": x}
    """
    shop.write(code, parallel={"jobs": "auto"})
    cpu = min(os.sched_getaffinity(0))
    shop.type("run", "study.yaml", prefix=("taskset", "-c", str(cpu)))
    spans = sorted(tuple(map(float, line.split())) for line in marks(shop))
    assert len(spans) == 3
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(spans))


@pytest.mark.parametrize("workers", ["isolated", "persistent"])
def test_trials_do_not_hold_the_book(shop, workers):
    """No trial inherits a descriptor of the book, of its lock, or a thread of the driver."""
    code = """
        import os

        def f(x: int):
            names = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
            held = [name for name in names if "book.db" in name or "/locks/" in name]
            return {"y": float(len(held)), "threads": float(len(os.listdir("/proc/self/task")))}
    """
    shop.write(code, metrics={"y": "minimize", "threads": "minimize"}, parallel={"jobs": 2, "workers": workers})
    shop.type("run", "study.yaml")
    assert [row["metrics"] for row in shop.trials()] == [{"y": 0, "threads": 1}] * 3


def test_threads_on_import_mean_fresh_interpreters(shop):
    """A module that starts threads on import is not forked: each trial gets an interpreter, and a caution says so."""
    code = """
        import os, queue, threading

        jobs, answers = queue.Queue(), queue.Queue()
        threading.Thread(target=lambda: answers.put(jobs.get() * 2), daemon=True).start()

        def f(x: int):
            jobs.put(x)
            return {"y": answers.get(timeout=20)}
    """
    shop.write(code, limits={"wall": "60s"})
    said = shop.type("run", "study.yaml")
    assert sorted(row["metrics"]["y"] for row in shop.trials()) == [2, 4, 6]
    assert "caution" in said.stdout
    assert "thread" in said.stdout


@pytest.mark.parametrize("workers", ["isolated", "persistent"])
def test_workers_without_work_exit(shop, workers):
    """More workers than trials: the run ends, and no worker outlives it."""
    shop.write(PLAIN, factors={"x": [1, 2]}, parallel={"jobs": 6, "workers": workers})
    shop.type("run", "study.yaml")
    assert shop.processes() == []


def test_times_carry_their_zone(shop):
    """Exported times are UTC and say so, whatever zone the machine is set to."""
    shop.write(PLAIN, factors={"x": [1]})
    shop.type("run", "study.yaml", TZ="Asia/Kolkata")
    exported = []
    for zone in ("America/New_York", "UTC"):
        shop.type("export", "1", "--format", "json", "-o", zone.replace("/", "-"), TZ=zone)
        exported.append(json.loads((shop.folder / zone.replace("/", "-") / "attempts.json").read_text()))
    assert exported[0] == exported[1]
    started = datetime.fromisoformat(exported[0][0]["started"])
    assert started.utcoffset() == timedelta(0)
    assert abs(datetime.now(started.tzinfo) - started) < timedelta(minutes=10)
    assert "Z" in shop.type("show", "1.1", TZ="Asia/Kolkata").stdout
