"""One peer's no-op trials with that peer's own store, run by an interpreter that has the peer.

Usage: peer.py NAME N JOBS

Each trial has five parameters and five metrics. Prints the seconds, imports and start-up of clusters left out where
the peer allows it, and the peer's version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

FIXED = {"b": 1.5, "c": "x", "d": 2, "e": 0.1}


def trial(a: int) -> dict[str, float]:
    """Return five metrics."""
    return {f"m{k}": a * 0.5 for k in range(5)}


def optuna(n: int, jobs: int, kind: str) -> float:
    """Random search with `n_jobs` threads on the storage of a kind."""
    import optuna as peer

    peer.logging.set_verbosity(peer.logging.ERROR)

    def objective(trial_: peer.Trial) -> float:
        a = trial_.suggest_int("a", 0, 100_000)
        trial_.suggest_float("b", 0, 1)
        trial_.suggest_categorical("c", ["x", "y"])
        trial_.suggest_int("d", 0, 5)
        trial_.suggest_float("e", 0, 1)
        metrics = trial(a)
        for name in ("m1", "m2", "m3", "m4"):
            trial_.set_user_attr(name, metrics[name])
        return metrics["m0"]

    study = peer.create_study(storage=_storage(kind), sampler=peer.samplers.RandomSampler(seed=0))
    start = time.perf_counter()
    study.optimize(objective, n_trials=n, n_jobs=jobs)
    seconds = time.perf_counter() - start
    _all(len(study.trials), n)
    return seconds


def _storage(kind: str) -> object:
    if kind == "sqlite":
        return "sqlite:///optuna.db"
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend("optuna.log"))


HYDRA = """
import hydra

@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config):
    return config.a * 0.5

main()
"""


def hydra(n: int, jobs: int, kind: str) -> float:
    """A multirun over `a`; start-up is included, since a multirun is one command."""
    Path("app.py").write_text(HYDRA)
    Path("config.yaml").write_text("a: 0\nb: 1.5\nc: x\nd: 2\ne: 0.1\n")
    launcher = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={jobs}"] if kind == "joblib" else []
    start = time.perf_counter()
    _run([sys.executable, "app.py", "-m", f"a=range(0,{n})", *launcher])
    seconds = time.perf_counter() - start
    _all(len(list(Path("multirun").glob("*/*/*/.hydra"))), n)
    return seconds


FLOW = """
import flow

class Project(flow.FlowProject):
    pass

@Project.post(lambda job: "m0" in job.doc)
@Project.operation
def measure(job):
    job.doc.update({f"m{k}": job.sp.a * 0.5 for k in range(5)})

Project().main()
"""


def signac_flow(n: int, jobs: int) -> float:
    """`run -p JOBS` on jobs that exist already (declaring them is not counted)."""
    import signac

    project = signac.init_project(".")
    for a in range(n):
        project.open_job({"a": a, **FIXED}).init()
    Path("project.py").write_text(FLOW)
    start = time.perf_counter()
    _run([sys.executable, "project.py", "run", "-p", str(jobs)])
    seconds = time.perf_counter() - start
    _all(sum("m0" in job.doc for job in project), n)
    return seconds


def parallel(n: int, jobs: int) -> float:
    """GNU parallel starting a bare interpreter for each trial, with its job log."""
    python = os.path.realpath(sys.executable)
    start = time.perf_counter()
    command = ["parallel", "-j", str(jobs), "--joblog", "log", f"{python} -I -S -c pass"]
    subprocess.run(command, input="\n".join(map(str, range(n))), text=True, check=True, capture_output=True)
    seconds = time.perf_counter() - start
    _all(len(Path("log").read_text().splitlines()) - 1, n)
    return seconds


def dask(n: int, jobs: int) -> float:
    """Tasks on a local cluster whose workers run already."""
    from dask.distributed import Client, LocalCluster

    with LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as peer:
        peer.gather(peer.map(trial, range(10), pure=False))
        start = time.perf_counter()
        _all(len(peer.gather(peer.map(trial, range(n), pure=False))), n)
        return time.perf_counter() - start


def ray(n: int, jobs: int) -> float:
    """Tasks on a local cluster whose workers run already."""
    import ray as peer

    peer.init(num_cpus=jobs, include_dashboard=False, log_to_driver=False, object_store_memory=300_000_000)
    remote = peer.remote(trial)
    peer.get([remote.remote(a) for a in range(10)])
    start = time.perf_counter()
    _all(len(peer.get([remote.remote(a) for a in range(n)])), n)
    seconds = time.perf_counter() - start
    peer.shutdown()
    return seconds


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit((ended.stderr.strip() or "failed").splitlines()[-1])


def _all(found: int, n: int) -> None:
    if found != n:
        raise SystemExit(f"{found} of {n} trials")


def _version(name: str) -> str:
    if name == "parallel":
        said = subprocess.run(["parallel", "--version"], capture_output=True, text=True, check=True).stdout
        return said.split("\n")[0].split()[-1]
    packages = {"dask": "distributed", "hydra": "hydra-core", "signac": "signac-flow"}
    first = name.split("-")[0]
    return version(packages.get(first, first))


RUNS = {
    "optuna-sqlite": lambda n, jobs: optuna(n, jobs, "sqlite"),
    "optuna-journal": lambda n, jobs: optuna(n, jobs, "journal"),
    "hydra-basic": lambda n, jobs: hydra(n, jobs, "basic"),
    "hydra-joblib": lambda n, jobs: hydra(n, jobs, "joblib"),
    "signac-flow": signac_flow,
    "parallel": parallel,
    "dask": dask,
    "ray": ray,
}

if __name__ == "__main__":
    chosen = sys.argv[1]
    print(json.dumps({"seconds": RUNS[chosen](int(sys.argv[2]), int(sys.argv[3])), "version": _version(chosen)}))
