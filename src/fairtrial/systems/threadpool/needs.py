"""What a trial needs from outside: checked before anything starts."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fairtrial.errors import MissingPart, UserError
from fairtrial.systems.threadpool.parameters import LEARNT, Parameters

EXTRA = "pip install 'fairtrial[threadpool]'"


def require(parameters: Parameters) -> None:
    """Raise MissingPart with the command that brings what is missing; UserError for more cores than there are."""
    need("numba", "its simulator")
    training = parameters.training
    policy = parameters.policy or (training.policy if training else None)
    if policy is not None and policy.kind in LEARNT:
        need("sklearn", f"a {policy.kind}")
    if parameters.engine == "real" or parameters.machine.measured:
        from fairtrial.systems.threadpool.real.build import require as compiler

        compiler()
    if parameters.gpu:
        from fairtrial.systems.threadpool.simulate.batched import require as device

        device()
    if parameters.engine == "real":
        _cores(parameters.machine.cores)


def trace(path: str) -> bytes:
    """Read a trace of arrivals. Raises UserError where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise UserError(f"workload.arrivals.trace: cannot read {path}: {problem.strerror}") from problem


def need(module: str, what: str) -> None:
    """Raise MissingPart, with the command that brings it, where a module is not installed."""
    if find_spec(module) is None:
        raise MissingPart(f"the system threadpool needs {module} for {what}", hint=EXTRA)


def _cores(wanted: int) -> None:
    from psutil import Process

    there = len(Process().cpu_affinity() or [])
    if wanted > there:
        raise UserError(f"machine.cores: {wanted} for a real pool, and this process may use {there}: at most {there}")
