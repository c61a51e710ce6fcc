"""Drivers: two on one study, many in one book, one whose clock jumps, one that is interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

SLOW = """
    import time

    def f(x: int):
        with open("calls.txt", "a") as calls:
            calls.write(f"{x}\\n")
        time.sleep(0.3)
        return {"y": x}
"""


def calls(shop) -> list[str]:
    """Return the calls of the subject so far."""
    path = shop.folder / "calls.txt"
    return path.read_text().split() if path.exists() else []


def wait_for_calls(shop, count: int) -> None:
    """Wait until the subject was called so often."""
    end = time.monotonic() + 60
    while len(calls(shop)) < count:
        assert time.monotonic() < end, "the study does not start"
        time.sleep(0.01)


def test_two_drivers_of_one_study(shop):
    """The second driver is refused with exit 75 and one line that names the first; the first is not disturbed."""
    shop.write(SLOW, factors={"x": {"range": [1, 12, 1]}})
    first = shop.start("run", "study.yaml")
    wait_for_calls(shop, 1)
    line = shop.refuse("run", "study.yaml", "--quiet", code=75)
    assert str(first.pid) in line
    assert first.wait(60) == 0
    first.communicate()
    assert sorted(calls(shop), key=int) == [str(x) for x in range(1, 13)]


def test_four_studies_start_at_once(shop):
    """Four drivers that start at one instant in one book get runs of their own, and share nothing."""
    shop.write("def f(x: int):\n    print('says', x)\n    return {'y': x}\n")
    text = (shop.folder / "study.yaml").read_text()
    for number in range(4):
        levels = [number * 10 + step for step in range(5)]
        document = json.loads(text) | {"study": f"study-{number}", "factors": {"x": levels}}
        (shop.folder / f"{number}.yaml").write_text(json.dumps(document))
    drivers = [shop.start("run", f"{number}.yaml") for number in range(4)]
    said = [driver.communicate(timeout=120) for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0] * 4, said
    runs = {run["number"]: run["study"] for run in shop.data("list")}
    assert sorted(runs) == [1, 2, 3, 4]
    for run, study in runs.items():
        rows = shop.trials(run)
        assert sorted(row["metrics"]["y"] // 10 for row in rows) == [int(study[-1])] * 5
        assert shop.type("logs", f"{run}.1").stdout == f"says {rows[0]['assignment']['x']}\n"


JUMPING = """
import sys, time
real, calls = time.time, 0
def jumping():
    global calls
    calls += 1
    return real() + (0, -86_400, 86_400)[calls // 3 % 3]
time.time = jumping
from fairtrial.cli.main import main
main()
"""


def test_clock_jumps(shop):
    """A driver whose clock jumps by days, both ways, ends its run; durations and limits do not follow."""
    shop.write(SLOW, limits={"wall": "30s"}, stop={"wall": "1h"}, factors={"x": [1, 2, 3, 4]})
    command = [sys.executable, "-c", JUMPING, "run", "study.yaml"]
    said = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    walls = [attempt["usage"]["wall_s"] for number in range(1, 5) for attempt in shop.attempts(f"1.{number}")]
    assert len(walls) == 4
    assert all(0.2 < wall < 30 for wall in walls), walls
    shop.type("verify")


SHIFTED = """
import time
real = time.time
time.time = lambda: real() + SHIFT
from fairtrial.cli.main import main
main()
"""


def test_clock_jumps_between_drivers(shop):
    """A driver killed in the past is known to be dead by a driver of the future, and the other way round."""
    shop.write(SLOW, factors={"x": {"range": [1, 8, 1]}})
    for shift in (-86_400, 86_400, 0):
        code = SHIFTED.replace("SHIFT", str(shift))
        before = len(calls(shop))
        driver = subprocess.Popen([sys.executable, "-c", code, "run", "study.yaml", "--quiet"], cwd=shop.folder)
        if shift:
            wait_for_calls(shop, before + 2)
            driver.kill()
            driver.wait(60)
        else:
            assert driver.wait(60) == 0
    rows = shop.trials()
    assert sorted(row["metrics"]["y"] for row in rows) == list(range(1, 9))
    assert len(shop.data("list")) == 1


def test_interrupted_once_drains(shop):
    """Ctrl-C lets running trials end, starts no new one, exits 130, and the same command continues."""
    shop.write(SLOW, factors={"x": {"range": [1, 20, 1]}})
    driver = shop.start("run", "study.yaml")
    wait_for_calls(shop, 3)
    driver.send_signal(signal.SIGINT)
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == 130, err
    begun = len(calls(shop))
    rows = shop.trials()
    assert sum(row["status"] == "done" for row in rows) == begun < 20
    shop.type("run", "study.yaml")
    assert sorted(calls(shop), key=int) == [str(x) for x in range(1, 21)]
    assert shop.processes() == []


def test_interrupted_twice_stops(shop):
    """A second Ctrl-C stops at once: what ran is cancelled, nothing is left, the same command continues."""
    code = SLOW.replace("time.sleep(0.3)", "time.sleep(300 if not __import__('os').path.exists('short') else 0)")
    shop.write(code)
    driver = shop.start("run", "study.yaml")
    wait_for_calls(shop, 2)
    driver.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert driver.poll() is None
    driver.send_signal(signal.SIGINT)
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == 130, err
    assert shop.processes() == []
    (shop.folder / "short").touch()
    shop.type("run", "study.yaml")
    assert sorted(row["metrics"]["y"] for row in shop.trials()) == [1, 2, 3]


def test_terminated(shop):
    """SIGTERM drains like Ctrl-C and exits 143."""
    shop.write(SLOW, factors={"x": {"range": [1, 20, 1]}})
    driver = shop.start("run", "study.yaml")
    wait_for_calls(shop, 2)
    driver.terminate()
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == 143, err
    shop.type("verify")
