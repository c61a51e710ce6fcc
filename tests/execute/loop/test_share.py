"""Which trials share something."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from fairtrial.execute.loop.share import sharing
from fairtrial.model.identity import digest
from fairtrial.model.trial import Condition, Trial


class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    server: str | None = None
    clients: int = 1


class Shared:
    Parameters = Parameters
    share_scope = "condition"

    def share_key(self, parameters):
        return parameters.server and {"server": parameters.server}

    def setup(self, parameters, scratch):
        raise AssertionError

    def teardown(self, handle):
        raise AssertionError


def trial(**parameters):
    return Trial(Condition("", parameters, parameters, digest(parameters)), 0, 1, b"s", b"i")


def test_equal_keys_are_one_and_no_key_is_none():
    """The key depends on what the system says alone; None needs nothing."""
    share = sharing(Shared())
    key, scope = share(trial(server="a", clients=1))
    assert (share(trial(server="a", clients=2)), scope) == ((key, "condition"), "condition")
    assert share(trial(server="b"))[0] not in ("", key)
    assert share(trial(clients=3)) == ("", "")


def test_a_system_that_shares_nothing_has_no_sharing():
    """Without the power nothing is asked."""
    assert sharing(object()) is None
