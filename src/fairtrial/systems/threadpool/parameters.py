"""The parameters of a trial: a pool under a workload or a row of telemetry, a model to learn, a policy to replay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from fairtrial.systems.threadpool.words import SIZES, Machine, Pool, Share, Validity, Words, Workload

FAMILIES = ("steady", "bursty", "adversarial", "blocking")
"""Families of workloads that telemetry rows come from: what a model is tested on is a family that it never saw."""
LEARNT = ("tree", "boosting", "network")
FORMULAS = ("rule", "older", "queueing")
POLICIES = ("fixed", *FORMULAS, *LEARNT)
LEAST_TASKS = 10
"""That are measured: fewer have no percentile."""


class Telemetry(Words):
    """A row of telemetry: what a controller saw, and the workload behind it."""

    source: Literal["simulated", "older", "input"] = Field(
        default="simulated",
        description="simulated: a pool that was simulated; older: made-up rows of an earlier study; input: a CSV, "
        "`inputs: {telemetry: {file: …}}`.",
    )
    seed: int = Field(default=0, ge=0, description="Which rows the generator makes; not the trial's seed.")
    row: int = Field(default=0, ge=0, description="Number of the row, from 0.")
    cores: int = Field(default=8, ge=1, le=4096, description="Simulated: cores of the machine that was observed.")

    @model_validator(mode="after")
    def _read(self) -> Telemetry:
        if self.source == "input":
            self._forget(("seed",))
        return self


class Policy(Words):
    """Who chooses the number of workers."""

    kind: Literal["fixed", "rule", "older", "queueing", "tree", "boosting", "network"] = Field(
        default="fixed",
        description="fixed; C(1 + W/S); the older analytic oracle; queueing theory; or learned from `inputs.labels`.",
    )
    workers: int = Field(
        default=8, ge=1, le=1024, description="Fixed: the size; else where to start, and fall back to."
    )
    alpha: float = Field(default=1.0, ge=0, description="Weight of the p95 in microseconds.")
    beta: float = Field(default=0.05, ge=0, description="Weight of the switching cost.")
    gamma: float = Field(default=0.1, ge=0, description="Weight of the idle cost.")

    @model_validator(mode="after")
    def _read(self) -> Policy:
        if self.kind in FORMULAS and self.workers not in SIZES:
            near = min(SIZES, key=lambda size: (abs(math.log(size / self.workers)), size))
            raise ValueError(f"workers is {self.workers}, and {self.kind} chooses among {SIZES}: nearest {near}")
        if self.kind not in ("older", "queueing"):
            self._forget(("alpha", "beta", "gamma"))
        return self


class Training(Words):
    """What is learned from the labels of an oracle study, and what it is tested on."""

    policy: Policy = Policy(kind="tree")
    held_out: Literal["steady", "bursty", "adversarial", "blocking", "none"] = Field(
        default="none", description="The family that is kept from the training and tested; none: each family in turn."
    )
    shuffled: bool = Field(default=False, description="The null arm: labels shuffled over rows before training.")
    between: Share = Field(
        default=0.1,
        description="Least share of the variance between sizes (of all within a row) that is worth learning.",
    )


class Control(Words):
    """How a policy is obeyed."""

    window_s: float = Field(default=0.5, ge=1e-4, description="Time between two decisions.")
    hold_s: float = Field(default=0.5, ge=0, description="Least time between two changes.")
    gain: float = Field(default=0.05, ge=0, description="Least relative improvement that is expected of a change.")
    telemetry_s: float = Field(default=1.0, gt=0, description="Window over which rates and percentiles are taken.")


class Parameters(Words):
    """What one trial does."""

    mode: Literal["run", "train", "replay"] = Field(
        default="run", description="run: one size; train: learn from labels; replay: a policy changes the size."
    )
    engine: Literal["simulated", "real", "analytic"] = Field(
        default="simulated", description="Virtual time, native threads on this machine, or formulas."
    )
    workload: Workload | None = Field(default=None, description="What arrives; Poisson, 1000/s of 500 us by default.")
    telemetry: Telemetry | None = Field(default=None, description="In place of a workload: the one behind a row.")
    machine: Machine = Machine()
    pool: Pool = Pool()
    tasks: int = Field(default=20_000, ge=100, le=1_000_000_000, description="Tasks that arrive.")
    warmup: float = Field(default=0.1, ge=0, lt=1, description="Share of the tasks that is not measured.")
    gpu: bool = Field(default=False, description="Simulated: the trials that share a process at once, on a GPU.")
    records: bool = Field(default=False, description="Keep every task: the raw table `tasks`.")
    training: Training | None = Field(default=None, description="Mode train.")
    policy: Policy | None = Field(default=None, description="Mode replay.")
    control: Control = Control()
    validity: Validity = Field(default=Validity(), description="Engine real: what the harness must keep.")

    @property
    def load(self) -> Workload:
        """The workload given, or the default one; of a row it is the row's."""
        return Workload() if self.workload is None else self.workload

    @model_validator(mode="after")
    def _fits(self) -> Parameters:
        """Refuse what does not fit together; parts that this mode and engine do not read are as by default."""
        for problem in (*self._misplaced(), *self._unread(), *self._empty()):
            raise ValueError(problem)
        self._forget(self._unused())
        spawn_us = self.machine.spawn_us if self.mode == "replay" else Machine().spawn_us
        cores = self.machine.cores if self.telemetry is None else self.telemetry.cores
        object.__setattr__(self, "machine", self.machine.model_copy(update={"spawn_us": spawn_us, "cores": cores}))
        return self

    def _misplaced(self) -> Iterator[str]:
        if (self.training is not None) != (self.mode == "train"):
            yield "`training` belongs to mode train, and mode train needs it"
        if (self.policy is not None) != (self.mode == "replay"):
            yield "`policy` belongs to mode replay, and mode replay needs it"
        if self.telemetry is not None and self.workload is not None:
            yield "give a workload or a row of telemetry, not both"
        if self.engine == "analytic" and self.mode != "run":
            yield "engine analytic has no time in it: mode run only"
        if self.engine == "real" and (self.machine.coherence or self.machine.measured):
            yield "the real pool has this machine's coherence and costs: leave coherence and measured out"

    def _unread(self) -> Iterator[str]:
        """Say what is given and would do nothing in this mode."""
        if self.mode != "replay" and self.control != Control():
            yield "`control` does nothing unless mode is replay"
        if self.mode == "replay" and self.pool.workers != Pool().workers:
            yield "`pool.workers` does nothing in mode replay: `policy.workers` is where the pool starts"
        if self.mode == "train":
            plain = {"workload": None, "telemetry": None, "pool": Pool(), "engine": "simulated"}
            for name in (name for name, value in plain.items() if getattr(self, name) != value):
                yield f"`{name}` does nothing in mode train, which learns from labels"
        if self.telemetry is not None and self.machine.cores not in (Machine().cores, self.telemetry.cores):
            yield f"machine.cores is {self.machine.cores}, and a row is of a machine of `telemetry.cores`: set that"

    def _empty(self) -> Iterator[str]:
        if self.tasks - round(self.warmup * self.tasks) < LEAST_TASKS:
            yield f"warmup {self.warmup:g} leaves less than {LEAST_TASKS} of {self.tasks} tasks to measure"

    def _unused(self) -> set[str]:
        """Return the parts that nothing reads with this mode and engine, whatever they are."""
        unused = set() if self.engine == "real" else {"validity"}
        if self.mode == "train":
            unused |= {"tasks", "warmup", "records", "machine"}
        if self.engine == "analytic":
            unused |= {"warmup", "records"} | ({"tasks"} if self.load.arrivals.kind != "trace" else set())
        return unused


__all__ = [
    "FAMILIES",
    "FORMULAS",
    "LEARNT",
    "POLICIES",
    "SIZES",
    "Control",
    "Parameters",
    "Policy",
    "Telemetry",
    "Training",
]
