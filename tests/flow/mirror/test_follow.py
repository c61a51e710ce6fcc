"""A run and its mirror: what MLflow shows, what stays out of the run's way, and what is caught up."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from fairtrial.flow import follow
from fairtrial.flow.steer import ask

PREFIXED = {"run_name_prefix": "nightly", "tags": {"team": "a"}, "experiment": "e"}


def test_a_run_is_shown_as_it_was(study, fairtrial, here, database):
    """A parent with the run's tags, a child a trial: params, final values, series, tags, files, tables, true times."""
    study(tracking={"uri": "sqlite:///mlflow.db", **PREFIXED}, factors={"x": [1.0, -2.0]}, variants={"only": {}})
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, "caution" in out) == (3, False), out + err
    runs = {run.key: run for run in database.runs()}
    assert sorted(runs) == ["1", "1.1", "1.2"]
    parent, done, failed = runs["1"], runs["1.1"], runs["1.2"]
    assert (parent.name, parent.status) == ("nightly:small", "FINISHED")
    assert parent.tags["fairtrial.question"] == "Which x is best?"
    assert (Path(parent.artifacts) / "study.json").exists()
    assert (done.name, done.status, failed.status) == ("nightly:1.1", "FINISHED", "FAILED")
    assert done.tags["mlflow.parentRunId"] == failed.tags["mlflow.parentRunId"] == parent.id
    assert done.params["x"] == "1.0"
    assert done.params["variant"] == "only"
    assert {"replicate", "seed", "y"} <= set(done.params)
    assert done.metrics["score"] == 11.0
    assert "none" not in done.metrics
    assert database.series(done.id, "loss") == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    assert done.tags.items() >= {"team": "a", "fairtrial.undefined": "none", "fairtrial.trial": "1.1"}.items()
    assert failed.tags["fairtrial.failure"] == "exception"
    assert "x is negative" in failed.tags["fairtrial.failure_message"]
    assert (Path(done.artifacts) / "note.txt").read_text() == "x is 1.0"
    assert (Path(done.artifacts) / "tables/rows.parquet").exists()
    assert parent.start_ms <= done.start_ms <= done.end_ms <= parent.end_ms
    assert Path(done.artifacts).is_relative_to(here)


@pytest.mark.long
def test_only_what_is_new_is_sent(study, fairtrial, here, database):
    """An amended run sends what is new, retires what was dropped, shows a new attempt in place of the old one."""
    tracking = {"uri": "sqlite:///mlflow.db"}
    study(tracking=tracking, factors={"x": [1.0, 2.0, -1.0]})
    fairtrial("run", "study.yaml")
    before = {run.key: run for run in database.runs()}
    study(tracking=tracking, factors={"x": [1.0, 3.0, -1.0]})
    fairtrial("run", "study.yaml")
    (here / "mended").touch()
    assert fairtrial("retry", "1")[0] == 0
    after = {run.key: run for run in database.runs()}
    assert database.keys() == ["1", "1.1", "1.2", "1.3", "1.4"]
    assert after["1.1"] == before["1.1"]
    assert (before["1.2"].tags["fairtrial.retired"], after["1.2"].tags["fairtrial.retired"]) == ("false", "true")
    assert after["1.2"].id == before["1.2"].id
    assert (before["1.3"].status, after["1.3"].status) == ("FAILED", "FINISHED")
    assert [run.id for run in database.runs(deleted=True)] == [before["1.3"].id]
    assert after["1"].status == "FINISHED"
    assert len(database.series(after["1.1"].id, "score")) == 1


def test_trials_are_there_while_the_run_goes_on(study, fairtrial, here, database):
    """The mirror works along: a trial is shown, below a run that is RUNNING, before the next one has ended."""
    (here / "watch.py").write_text(
        "import sqlite3, time\n"
        "def measure(x: int) -> dict[str, float]:\n"
        "    for _ in range(3000 if x == 2 else 0):\n"
        "        with sqlite3.connect('mlflow.db', timeout=30) as raw:\n"
        "            rows = raw.execute('SELECT status FROM runs ORDER BY start_time').fetchall()\n"
        "        raw.close()\n"
        "        if rows == [('RUNNING',), ('FINISHED',)]:\n"
        "            return {'seen': 1}\n"
        "        time.sleep(0.02)\n"
        "    return {'seen': 0}\n"
    )
    study(
        tracking={"uri": "sqlite:///mlflow.db"},
        system={"python": "watch:measure"},
        factors={"x": [1, 2]},
        metrics={"seen": "maximize"},
        parallel={"jobs": 1},
    )
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, "caution" in out) == (0, False), out + err
    assert {run.key: run.metrics.get("seen") for run in database.runs()} == {"1": None, "1.1": 0.0, "1.2": 1.0}


@pytest.mark.long
def test_two_hundred_trials(study, fairtrial, database):
    """A run of many short trials: each is there once."""
    factors = {"x": {"range": [1, 200]}}
    study(tracking={"uri": "sqlite:///mlflow.db"}, factors=factors, parallel={"jobs": 2, "workers": "persistent"})
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, "caution" in out) == (0, False), out + err
    assert database.keys() == sorted(["1", *(f"1.{number}" for number in range(1, 201))])
    assert {run.metrics["score"] for run in database.runs() if "." in run.key} == {10 * x + 1 for x in range(1, 201)}


@pytest.mark.long
def test_a_timing_study_is_mirrored_when_it_has_ended(study, fairtrial, database, monkeypatch):
    """Nothing is at work beside it; then all of it is sent."""
    begun = []
    start = follow.Process
    monkeypatch.setattr(follow, "Process", lambda *words, **more: (begun.append(words), start(*words, **more))[1])
    mirrored = follow.Following.end
    monkeypatch.setattr(follow.Following, "end", lambda self, **more: (begun.append("end"), mirrored(self, **more))[1])
    study(tracking={"uri": "sqlite:///mlflow.db"}, timing=True, parallel={"jobs": 1})
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, "caution" in out) == (0, False), out + err
    assert begun[0] == "end"
    assert database.keys() == ["1", "1.1", "1.2"]


def test_a_server_that_is_down_costs_a_caution(study, fairtrial, closed):
    """The run ends as ever, with one line; `mirror` exits 8 and says how many wait, and asks nobody with --dry-run."""
    study(tracking={"uri": closed})
    code, out, err = fairtrial("run", "study.yaml")
    cautions = [line for line in out.splitlines() if line.startswith("caution")]
    assert code == 0, err
    assert len(cautions) == 1
    assert f"tracking: 2 trials wait for mlflow at {closed}: " in cautions[0]
    assert cautions[0].endswith("; `fairtrial mirror 1` catches up")
    code, out, err = fairtrial("mirror", "--dry-run")
    assert (code, out) == (0, f"run 1 of small: 2 waiting, {closed} (small)\n")
    code, out, err = fairtrial("mirror")
    assert code == 8
    assert "0 mirrored, 2 waiting" in out
    assert re.fullmatch(r"fairtrial: 2 trials wait: run 1: .+\n", err)


def test_without_the_extra(study, fairtrial, database, without_mlflow):
    """The run goes on, and says what to install; `mirror` exits 8 with the same."""
    study(tracking={"uri": "sqlite:///mlflow.db"})
    code, out, _ = fairtrial("run", "study.yaml")
    assert code == 0
    assert (
        "2 trials wait for mlflow at sqlite:///mlflow.db: mirroring needs mlflow (pip install 'fairtrial[mlflow]')"
        in out
    )
    code, _, err = fairtrial("mirror", "1")
    assert code == 8
    assert "pip install 'fairtrial[mlflow]'" in err


def test_a_server_that_hangs_holds_up_nothing(study, fairtrial, here, proxy, monkeypatch):
    """One that takes requests and never answers is left after the grace, and nobody stays behind."""
    monkeypatch.setattr(follow, "SILENT_S", 0.5)
    (here / "hold").touch()  # the trials wait until the mirror has asked something
    proxy.before = lambda number: (here / "go").touch()
    study(tracking={"uri": proxy.uri})
    code, out, err = fairtrial("run", "study.yaml")
    assert code == 0, err
    assert f"2 trials wait for mlflow at {proxy.uri}: it did not answer in time" in out
    assert proxy.asked == 1


def test_what_a_password_is_stays_secret(study, fairtrial, here, closed, monkeypatch):
    """The book, the output and the command of the mirror hold the reference alone."""
    monkeypatch.setenv("PLACE", closed.replace("http://", "http://me:sesame@"))
    study(tracking={"uri": {"secret": "PLACE"}})
    code, out, err = fairtrial("run", "study.yaml")
    assert code == 0
    assert f"2 trials wait for mlflow at {closed}: " in out
    printed = out + err + "".join(fairtrial("mirror")[1:]) + "".join(fairtrial("show", "1", "--json")[1:])
    assert "sesame" not in printed
    kept = [path for path in here.rglob("*") if path.is_file() and b"sesame" in path.read_bytes()]
    assert kept == []


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        (None, "nothing says where to (write uri: sqlite:///mlflow.db, or export MLFLOW_TRACKING_URI="),
        ("./mlruns", "MLFLOW_TRACKING_URI is a folder of files (write sqlite:///mlflow.db"),
    ],
)
def test_no_address_is_refused_before_anything_runs(study, fairtrial, here, monkeypatch, variable, says):
    """One line, exit 2, no book; `check` and `plan` need no address."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if variable:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    study(tracking={})
    assert fairtrial("plan", "study.yaml")[0] == 0
    code, _, err = fairtrial("run", "study.yaml")
    assert code == 2
    assert says in err
    assert len(err.splitlines()) == 1
    with pytest.raises(StopIteration):
        next((here / ".fairtrial").glob("trials/*"))


def test_the_environment_says_where_to(study, fairtrial, closed, monkeypatch, without_mlflow):
    """Without a uri in the study, MLflow's own variable counts."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", closed)
    study(tracking={"experiment": "mine"})
    assert fairtrial("run", "study.yaml")[0] == 0
    assert fairtrial("mirror", "--dry-run")[1] == f"run 1 of small: 2 waiting, {closed} (mine)\n"


def test_tracking_enters_no_identity(study, fairtrial, closed, without_mlflow):
    """A mirror added, changed or removed runs nothing again."""
    study(tracking=None)
    fairtrial("run", "study.yaml", "~tracking")
    study(tracking={"uri": closed})
    code, out, _ = fairtrial("run", "study.yaml")
    assert code == 0
    assert "all is done already: 2 done" in out
    assert "2 trials wait" in out


@pytest.mark.long
def test_a_driver_that_is_killed(study, fairtrial, here, database, wait_for):
    """Its mirror ends with it; the next session goes on, and mirrors what both of them measured, once each."""
    (here / "hold").touch()
    study(tracking={"uri": "sqlite:///mlflow.db"})
    driver = subprocess.Popen([sys.executable, "-m", "fairtrial", "run", "study.yaml", "--quiet"], cwd=here)
    wait_for(lambda: couriers(driver.pid))
    (courier,) = couriers(driver.pid)
    driver.kill()
    driver.wait()
    wait_for(lambda: not courier.is_running())
    (here / "go").touch()
    code, out, err = fairtrial("run", "study.yaml")
    assert (code, "caution" in out) == (0, False), out + err
    assert database.keys() == ["1", "1.1", "1.2"]


def couriers(pid: int) -> list[psutil.Process]:
    """Find the mirror's processes that a process started."""
    return [child for child in psutil.Process(pid).children() if "fairtrial.flow.courier" in child.cmdline()]


def test_a_run_that_is_interrupted_waits_for_nothing(study, fairtrial, here, database, monkeypatch, wait_for):
    """Whoever stopped the driver is not kept waiting; what is missing there is told, and caught up."""
    monkeypatch.setattr(follow.Process, "wait", lambda *_, **__: pytest.fail("a run that was stopped waits"))
    (here / "stop.py").write_text(
        "import time\nfrom pathlib import Path\n"
        "def measure(x: float) -> dict[str, float]:\n"
        "    if x == 2:\n"
        "        Path('begun').touch()\n"
        "    while x == 2 and not Path('go').exists():\n"
        "        time.sleep(0.02)\n"
        "    return {'score': x}\n"
    )
    study(
        tracking={"uri": "sqlite:///mlflow.db"},
        system={"python": "stop:measure"},
        factors={"x": [1.0, 2.0, 3.0]},
        metrics={"score": "maximize"},
        parallel={"jobs": 1},
    )

    def stop():
        wait_for((here / "begun").exists)
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(lambda: "draining" in ask(None, "small", {"verb": "status"})["progress"].values())
        (here / "go").touch()

    stopper = threading.Thread(target=stop)
    stopper.start()
    code, out, _ = fairtrial("run", "study.yaml")
    stopper.join()
    assert code == 130
    assert "; `fairtrial mirror 1` catches up" in out
    assert database.keys() in ([], ["1"], ["1", "1.1"], ["1", "1.1", "1.2"])


def test_a_machine_without_processes_to_spare(study, fairtrial, monkeypatch):
    """Where no mirror can be started, the run ends as ever."""

    def none(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(follow, "Process", none)
    study(tracking={"uri": "sqlite:///mlflow.db"})
    code, out, _ = fairtrial("run", "study.yaml")
    assert code == 0
    assert "2 trials wait for mlflow at sqlite:///mlflow.db: [Errno 11] Resource temporarily unavailable; " in out


def test_a_second_interrupt_ends_the_grace(study, fairtrial, without_mlflow, monkeypatch):
    """Ctrl-C while a run waits for its mirror: the run has ended well, and says so."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(follow.Process, "wait", interrupted)
    study(tracking={"uri": "sqlite:///mlflow.db"})
    code, out, _ = fairtrial("run", "study.yaml")
    assert code == 0
    assert "2 trials wait" in out


@pytest.mark.long
def test_two_studies_side_by_side(study, fairtrial, database, here):
    """Both runs of a pair are mirrored, when both have ended."""
    path = study(tracking={"uri": "sqlite:///mlflow.db"}, gate={"score": {"worse_by": "10%"}}, replicates=2)
    (here / "other.yaml").write_text(path.read_text().replace('"small"', '"other"'))
    code, out, err = fairtrial("compare", "study.yaml", "other.yaml", "--paired")
    assert code in (0, 5), out + err
    assert {run.name for run in database.runs() if "." not in run.key} == {"small", "other"}
    assert database.keys() == sorted(["1", "2", *(f"{run}.{number}" for run in (1, 2) for number in range(1, 11))])
