"""The exam of a system: what the core relies on, checked from outside."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.registry import Registry
from fairtrial.contract.system import (
    EstimatesCost,
    Live,
    Measures,
    ReadsInputs,
    RunsMany,
    Shares,
    Ships,
    System,
    Target,
)
from fairtrial.model.identity import canonical_json
from fairtrial.model.secret import references
from fairtrial.model.study import SystemRef
from fairtrial.testing.context import FakeContext
from fairtrial.testing.making import identity_of

PLANTED = "planted-secret-7fd2c1"

_FRESH = """
import importlib, json, sys
asked = json.loads(sys.stdin.read())
sys.path[:] = [asked["folder"], *asked["path"]] if asked["folder"] else asked["path"]
for module in asked["warm"]:
    importlib.import_module(module)
module, _, name = asked["entry"].partition(":")
entry = getattr(importlib.import_module(module), name)
made = entry(asked["config"]) if asked["ships"] else entry()
if asked["parameters"] is not None:
    from fairtrial.testing.context import FakeContext
    sys.stdout, out = sys.stderr, sys.stdout
    result = made.run(asked["parameters"], FakeContext(asked["seed"]))
    print(json.dumps({name: float(value) for name, value in result.items()}), file=out)
"""


class SystemExam:
    """Subclass it, and say with `make` which system is examined, and with `parameters` what it can run in a second."""

    metrics: tuple[str, ...] = ()
    """What it returns, where it declares no metrics itself."""

    def make(self, folder: Path) -> System:
        """Make the system; `folder` is fresh and may be written to."""
        raise NotImplementedError

    def parameters(self) -> Mapping[str, Any]:
        """Return valid parameters as JSON."""
        return {}

    def inputs(self, folder: Path) -> Mapping[str, Path]:
        """Return the files that a trial reads, by input name, written to a fresh folder."""
        return {}

    @pytest.fixture
    def system(self, tmp_path: Path) -> System:
        """Make the system under examination."""
        folder = tmp_path / "system"
        folder.mkdir()
        return self.make(folder)

    @pytest.fixture
    def measure(self, system: System, tmp_path: Path) -> Callable[..., dict[str, float | None]]:
        """Run a trial of the system here."""

        def run(seed: int = 1) -> dict[str, float | None]:
            parameters = system.Parameters.model_validate(self.parameters())
            scratch = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
            scratch.mkdir()
            inputs = self.inputs(scratch)
            sharer = system if isinstance(system, Shares) and system.share_key(parameters) is not None else None
            handle = None if sharer is None else sharer.setup(parameters, scratch)
            try:
                result = system.run(parameters, FakeContext(seed, scratch=scratch, inputs=inputs, handle=handle))
            finally:
                if sharer is not None:
                    sharer.teardown(handle)
            return {name: None if value is None else float(value) for name, value in result.items()}

        return run

    def test_is_a_system(self, system: System) -> None:
        """It has the five members, and says its name and version in words."""
        assert isinstance(system, System)
        assert Registry({"system": {"examined": system}}).bind(SystemRef("examined")) is system
        assert system.name
        assert isinstance(system.version, str)

    def test_parameters_forbid_extra(self, system: System) -> None:
        """A key that means nothing is refused."""
        with pytest.raises(ValueError, match="surely_not_a_parameter"):
            system.Parameters.model_validate({**self.parameters(), "surely_not_a_parameter": 1})

    def test_parameters_survive_json(self, system: System) -> None:
        """The dump is JSON, and reads back to the same dump: what is hashed is what is run."""
        dump = system.Parameters.model_validate(self.parameters()).model_dump(mode="json")
        back = system.Parameters.model_validate(json.loads(canonical_json(dump)))
        assert canonical_json(back.model_dump(mode="json")) == canonical_json(dump)

    def test_declared_metrics_are_returned(self, system: System, measure: Callable[..., Any]) -> None:
        """Every declared metric comes back, by its name, as a number (NaN where it is undefined)."""
        declared = set(system.metrics) or set(self.metrics)
        if isinstance(system, Measures):
            declared &= system.measured(self.parameters())
        assert declared, "say in `metrics` what it returns"
        assert declared <= set(measure())
        assert all(metric.name == name for name, metric in system.metrics.items())

    def test_same_seed_same_result(self, system: System, measure: Callable[..., Any]) -> None:
        """A system that is not live gives the same numbers for the same seed."""
        if isinstance(system, Live) and system.live:
            pytest.skip("the system is live: what it measures may change")
        assert canonical_json(measure(3)) == canonical_json(measure(3))

    def test_running_leaves_the_process_as_it_was(self, measure: Callable[..., Any]) -> None:
        """Working folder, environment and import path are the same afterwards."""
        import polars  # noqa: F401 it keeps tables, and configures its allocator by a variable

        before = (Path.cwd(), dict(os.environ), list(sys.path))
        measure()
        assert (Path.cwd(), dict(os.environ), list(sys.path)) == before

    def test_identity_is_stable_json(self, system: System, tmp_path: Path) -> None:
        """What it says of its identity is JSON, the same each time, and the same for another copy elsewhere."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        said = canonical_json(identity_of(system))
        assert said == canonical_json(identity_of(system)) == canonical_json(identity_of(self.make(elsewhere)))

    def test_target_loads_in_a_fresh_interpreter(self, system: System) -> None:
        """What the worker loads imports in a process that has nothing of ours loaded, and gives the same numbers."""
        target = _target(system)
        parameters = system.Parameters.model_validate(self.parameters())
        runs = isinstance(system, Ships) and not target.executes and not isinstance(system, Shares)
        asked = {
            "entry": target.entry,
            "config": dict(target.config),
            "folder": target.folder,
            "warm": target.warm,
            "path": sys.path,
            "ships": isinstance(system, Ships),
            "parameters": parameters.model_dump(mode="json") if runs else None,
            "seed": 5,
        }
        done = subprocess.run([sys.executable, "-c", _FRESH], input=json.dumps(asked), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if runs and not (isinstance(system, Live) and system.live):
            here = system.run(parameters, FakeContext(5))
            assert json.loads(done.stdout) == pytest.approx(
                {name: float(value) for name, value in here.items()}, nan_ok=True
            )

    def test_secrets_do_not_show(self, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
        """The value of a secret is in no repr, dump, identity or target."""
        secrets = [secret.reference["secret"] for secret in references(self.parameters())]
        if not secrets:
            pytest.skip("the parameters hold no secret")
        for name in secrets:
            monkeypatch.setenv(name, PLANTED)
        parameters = system.Parameters.model_validate(self.parameters())
        shown = [parameters, parameters.model_dump(), parameters.model_dump(mode="json"), system, _target(system)]
        assert PLANTED not in repr([*shown, identity_of(system)])
        assert PLANTED not in str(parameters)

    def test_optional_powers_answer_in_json(self, system: System) -> None:
        """Share keys, costs and input digests are what the core expects of them."""
        parameters = system.Parameters.model_validate(self.parameters())
        if isinstance(system, Shares):
            assert system.share_scope in ("run", "condition")
            canonical_json(system.share_key(parameters))
        if isinstance(system, EstimatesCost):
            assert 0 <= system.cost_s(parameters) < math.inf
        if isinstance(system, ReadsInputs):
            assert all(bytes.fromhex(value) for value in system.input_digests(parameters).values())

    def test_many_agree_with_one(self, system: System) -> None:
        """Several trials in one process give what each gives alone."""
        if not isinstance(system, RunsMany):
            pytest.skip("the system runs one trial at a time")
        parameters = system.Parameters.model_validate(self.parameters())
        assert system.batch_limit > 1
        together = system.run_many([parameters, parameters], [FakeContext(1), FakeContext(2)])
        alone = [system.run(parameters, FakeContext(seed)) for seed in (1, 2)]
        assert [dict(one) for one in together] == [pytest.approx(dict(one), nan_ok=True) for one in alone]


def _target(system: System) -> Target:
    if isinstance(system, Ships):
        return system.target()
    return Target(entry=f"{type(system).__module__}:{type(system).__qualname__}")
