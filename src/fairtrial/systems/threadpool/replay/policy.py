"""The policy of a replay: who says how good each size would be, with the guard around it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.analytic import known
from fairtrial.systems.threadpool.parameters import LEARNT, Control, Policy
from fairtrial.systems.threadpool.record import Chooser
from fairtrial.systems.threadpool.reflex.guard import Guard
from fairtrial.systems.threadpool.words import Machine

SEED = 0
"""Of the fit: one model for all replicates, so that they differ in their tasks alone."""
GIVE = "give `inputs: {labels: {study: threadpool-oracle}}` or `inputs: {model: {file: PATH}}`"


def guarded(policy: Policy, control: Control, *, machine: Machine, inputs: Mapping[str, Path]) -> Guard:
    """Return the policy with its hysteresis, hold time and fallback, at the size where it starts.

    Raises UserError where there is nothing to learn from, where the model file is of another kind, damaged, or made
    for other telemetry.
    """
    return Guard(chooser(policy, machine=machine, inputs=inputs), control, start=policy.workers)


def chooser(policy: Policy, *, machine: Machine, inputs: Mapping[str, Path]) -> Chooser:
    """Return who chooses: a formula that knows the machine, or a model, loaded or fitted, that learned about one."""
    if policy.kind not in LEARNT:
        return known.chooser(policy, cores=machine.cores, machine=machine)
    if "model" in inputs:
        return _loaded(policy.kind, inputs["model"])
    if "labels" in inputs:
        return _fitted(policy.kind, inputs["labels"].read_bytes())
    raise UserError(f"policy.kind {policy.kind} is learned, and there is nothing to learn from", hint=GIVE)


def _loaded(kind: str, path: Path) -> Chooser:
    """Read a model file; its own checks (CRC, version, digest of the telemetry's schema) raise UserError."""
    from fairtrial.systems.threadpool.reflex.container import load

    model = load(path.read_bytes())
    if model.kind != kind:
        raise UserError(f"inputs.model holds a {model.kind}, not a {kind}", hint=f"write policy.kind: {model.kind}")
    return model


@lru_cache(maxsize=8)
def _fitted(kind: str, table: bytes) -> Chooser:
    """Fit once per process and content of the training data, wherever it lies: the file is the key."""
    from fairtrial.systems.threadpool.label.table import labelled, read
    from fairtrial.systems.threadpool.reflex.learn import fit

    return fit(kind, labelled(read(table)), seed=SEED)
