"""One trial in this process: what its record says of the load, whether it is valid or not."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from fairtrial.errors import Invalid
from fairtrial.systems.services.load.pace import ahead
from fairtrial.systems.services.parameters import Parameters
from fairtrial.systems.services.trial import run
from fairtrial.testing.context import FakeContext


@pytest.mark.parametrize("priority", ["auto", "ordinary"])
def test_the_record_says_how_generators_shared_the_cpu(tmp_path: Path, priority: str):
    """`run.json` has what was asked for, and what became of it."""
    with ahead() as may:
        pass
    load = {"mode": "open", "rate_per_s": 50, "duration_s": 0.4, "warmup_s": 0.1, "priority": priority}
    context = FakeContext(scratch=tmp_path)
    with suppress(Invalid):  # on a busy machine it may be late: the record is kept all the same
        run(Parameters.model_validate({"target": {"kind": "null", "delay_s": 0.005}, "load": load}), context)
    record = json.loads(context.files["run.json"].read_text())
    assert record["parameters"]["load"]["priority"] == priority
    lacking = "ordinary, for want of the right to go ahead"
    first = "ahead of ordinary processes" if may else lacking
    assert record["host"]["generators"] == (first if priority == "auto" else "ordinary")
