"""The system as a whole, through its command: what it promises of seeds, labels, kills, null labels and model files.

The rest of the promises is proved where the parts are: waits as Erlang's (`simulate/test_theory.py`, up to a load of
0.95 at length), a p95 that never rises with the size where nothing costs (`simulate/test_run.py`,
`test_more_workers_never_hurt_where_nothing_costs`), and two identical arms of which at least 94 of 100 repeats say
nothing (`label/test_judge.py`, `test_identical_arms_*`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fairtrial
from fairtrial.errors import FairtrialError
from fairtrial.stats.resample import percentile
from fairtrial.systems.threadpool.label.judge import judge
from fairtrial.systems.threadpool.label.record import Labelled
from fairtrial.systems.threadpool.label.table import labelled
from fairtrial.systems.threadpool.parameters import Policy, Training
from fairtrial.systems.threadpool.reflex.score import yardstick
from fairtrial.systems.threadpool.reflex.target import subset, usable
from fairtrial.systems.threadpool.reflex.training import shuffled, train

PATIENCE_S = 300.0
KEYS = ("telemetry.row", "pool.workers", "replicate")
USED = ("run", "trial", "wall_s", "cpu_s", "peak_bytes")
"""Columns that two runs do not share."""
ORACLE: Mapping[str, Any] = {
    "study": "labels",
    "system": "threadpool",
    "base": {"telemetry": {"source": "simulated"}, "tasks": 400},
    "factors": {"telemetry.row": {"range": [0, 39]}, "pool.workers": [1, 2, 4, 8, 16, 32, 64]},
    "replicates": 5,
    "metrics": {"latency_p95_s": "minimize"},
}


class Folder:
    """A folder with studies and a book, in which commands are typed."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own."""
        argv = [sys.executable, "-m", "fairtrial", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, cwd=self.path, stdout=pipe, stderr=pipe, text=True, start_new_session=True)

    def type(self, *words: str) -> tuple[int, str]:
        """Type a command; return its exit code and what it said."""
        process = self.start(*words)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in err, err
        return process.returncode, out + err

    def run(self, study: Mapping[str, Any], *words: str, code: int = 0) -> str:
        """Write a study and run it; `words` change it."""
        (self.path / "study.yaml").write_text(json.dumps(study))
        found, said = self.type("run", "study.yaml", "--quiet", *words)
        assert found == code, said
        return said

    def results(self, number: int = 1) -> Any:
        """Return the results of a run, less what two runs do not share, in the order of the keys that there are."""
        frame = fairtrial.Run(number, folder=self.path).frame().drop(USED)
        return frame.sort([name for name in KEYS if name in frame.columns])

    def done(self) -> int:
        """Return how many trials of run 1 are done; 0 where there is no book yet."""
        try:
            return len(fairtrial.Run(1, folder=self.path).trials(status="done"))
        except FairtrialError:
            return 0


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A small oracle study that was run without disturbance, on one worker."""
    folder = Folder(tmp_path_factory.mktemp("oracle"))
    folder.run(ORACLE, "parallel.jobs=1")
    return folder


@pytest.fixture(scope="module")
def labels(oracle: Folder) -> Labelled:
    """Its labels."""
    return labelled(oracle.results().to_dict(as_series=False))


def bytes_of(frame: Any) -> dict[str, Any]:
    """Return the numbers of each column as bytes, other columns as lists."""
    return {
        name: frame[name].to_numpy().tobytes() if frame[name].dtype.is_numeric() else frame[name].to_list()
        for name in frame.columns
    }


def test_any_number_of_jobs_gives_the_same_bytes(oracle: Folder, tmp_path: Path) -> None:
    """(b) One worker or two: every metric of every trial is equal to the last bit."""
    other = Folder(tmp_path / "two")
    other.run(ORACLE, "parallel.jobs=2")
    one, two = oracle.results(), other.results()
    assert one.height == 40 * 7 * 5
    assert bytes_of(one) == bytes_of(two)


def test_a_killed_driver_loses_nothing(oracle: Folder, tmp_path: Path) -> None:
    """(i) kill -9 in the middle, with results already in the book; the same command ends with the same bytes."""
    folder = Folder(tmp_path / "killed")
    (folder.path / "study.yaml").write_text(json.dumps(ORACLE))
    process = folder.start("run", "study.yaml", "--quiet", "parallel.jobs=1")
    deadline = time.monotonic() + PATIENCE_S
    while not folder.done() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
    before = folder.done()
    assert process.returncode == -signal.SIGKILL
    assert 0 < before < 40 * 7 * 5
    kept = {row.number: row.metrics for row in fairtrial.Run(1, folder=folder.path).trials(status="done")}
    code, said = folder.type("run", "study.yaml", "--quiet", "parallel.jobs=1")
    assert code == 0, said
    after = {row.number: row.metrics for row in fairtrial.Run(1, folder=folder.path).trials(status="done")}
    assert {number: after[number] for number in kept} == kept
    assert bytes_of(folder.results()) == bytes_of(oracle.results())
    assert folder.type("verify")[0] == 0


WORKLOADS = {
    "computing": {"arrivals": {"rate_per_s": 14_400}, "cpu": {"mean_us": 500}},
    "blocking": {
        "arrivals": {"rate_per_s": 5000},
        "cpu": {"mean_us": 500},
        "blocking": {"kind": "lognormal", "mean_us": 2000},
    },
}


def test_the_best_sets_of_computing_and_of_blocking(tmp_path: Path) -> None:
    """(e), (f) On eight cores: at a CPU load of 0.9 it has 8 and not 64; at W/S = 4 it does not have 8."""
    folder = Folder(tmp_path)
    folder.run({
        "study": "landscape",
        "system": "threadpool",
        "base": {"machine": {"cores": 8}, "tasks": 20_000},
        "factors": {"pool.workers": [4, 8, 16, 32, 64]},
        "variants": {name: {"set": {"workload": words}} for name, words in WORKLOADS.items()},
        "replicates": 8,
        "metrics": {"latency_p95_s": "minimize"},
    })  # fmt: skip
    found = folder.results()
    best = {name: _best(found.filter(found["variant"] == name)) for name in WORKLOADS}
    assert 8 in best["computing"]
    assert not {4, 64} & set(best["computing"])
    assert 32 in best["blocking"]
    assert not {4, 8} & set(best["blocking"])
    code, said = folder.type("report", "1")
    assert code == 0
    for name in WORKLOADS:
        assert any(
            line.startswith(f"| {name} ") and line.rstrip(" |").endswith(", ".join(map(str, best[name])))
            for line in said.splitlines()
        )


def _best(frame: Any) -> tuple[int, ...]:
    """Return the best set of one workload's results."""
    sizes = sorted(set(frame["pool.workers"].to_list()))
    rows = [frame.filter(frame["pool.workers"] == size).sort("replicate") for size in sizes]
    p95_s = np.array([row["latency_p95_s"].to_numpy() for row in rows], dtype=np.float64)
    stable = np.array([(row["stable"] == 1).all() for row in rows])
    nothing = np.zeros(1, np.int64)
    return judge(Labelled(nothing, np.zeros((1, 10)), nothing, tuple(sizes), p95_s[None], stable[None]))[0].best


def test_the_older_oracle_is_degenerate(tmp_path: Path) -> None:
    """(g) With its published weights, on the older generator's rows, it takes 2 in all; the report says it."""
    folder = Folder(tmp_path)
    folder.run({
        **ORACLE,
        "base": {"telemetry": {"source": "older"}, "tasks": 400},
        "factors": {"telemetry.row": {"range": [0, 59]}, "pool.workers": [2, 8, 64]},
        "replicates": 3,
    })  # fmt: skip
    code, said = folder.type("report", "1")
    assert code == 0
    assert "The oracle 'older' is degenerate: it chooses 2 for every row" in said
    assert "The oracle 'queueing' is degenerate" not in said


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_learned_from_shuffled_labels(labels: Labelled, seed: int) -> None:
    """(h) The interval of the tree's regret, over rows, has that of the best constant in hindsight.

    Out of range it falls back to that constant too: a fallback that costs more is not learned.
    """
    rows = shuffled(subset(labels, usable(labels)), seed=seed)
    constants = yardstick(rows).regret.mean(axis=0)
    best = rows.sizes[int(constants.argmin())]
    training = Training(policy=Policy(kind="tree", workers=best), shuffled=True, between=0.0)
    found = np.array(train(labels, training, seed=seed).rows["regret"], dtype=np.float64)
    rng = np.random.default_rng(seed)
    low, high = percentile(found[rng.integers(0, len(found), (2000, len(found)))].mean(axis=1), 0.95)
    assert low <= constants.min() <= high


@pytest.fixture
def model(oracle: Folder, tmp_path: Path) -> Path:
    """The model file of a training on the labels, as the command exports it."""
    study = {
        "study": "learn",
        "system": "threadpool",
        "inputs": {"labels": {"study": "labels"}},
        "base": {"mode": "train", "training": {"policy": {"kind": "tree"}, "held_out": "steady"}},
        "replicates": 1,
        "metrics": {"regret_mean": "minimize"},
    }
    (oracle.path / "learn.yaml").write_text(json.dumps(study))
    code, said = oracle.type("run", "learn.yaml", "--quiet")
    assert code == 0, said
    code, said = oracle.type("export", "2", "--results", "-o", str(tmp_path / "out"))
    assert code == 0, said
    (path,) = (tmp_path / "out").rglob("model.reflex")
    return path


def test_a_flipped_byte_of_a_model_is_refused(model: Path, tmp_path: Path) -> None:
    """(j) Whole, the file is replayed; with one byte flipped the trial fails with one line."""
    folder, whole = Folder(tmp_path / "replay"), model.read_bytes()
    study = {
        "study": "replay",
        "system": "threadpool",
        "inputs": {"model": {"file": "model.reflex"}},
        "base": {"mode": "replay", "policy": {"kind": "tree"}, "tasks": 2000},
        "replicates": 1,
        "metrics": {"latency_p95_s": "minimize"},
    }
    (folder.path / "model.reflex").write_bytes(whole)
    folder.run(study)
    at = len(whole) // 2
    (folder.path / "model.reflex").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    folder.run({**study, "study": "flipped"}, code=3)
    (row,) = fairtrial.Run(2, folder=folder.path).trials()
    assert row.failure is not None
    assert "the model file is damaged" in row.failure.message
    assert "\n" not in row.failure.message
    assert not row.metrics
