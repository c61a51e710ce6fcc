"""A study that searches the edge of its service levels: run, broken off, continued, and told in the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Type = Callable[..., tuple[int, str, str]]

MODULE = """
def serve(clients: float, *, seed: int) -> dict[str, float]:
    noise = 1 + (seed % 101 - 50) / 5000
    room = 1 - clients / 20
    late = 0.005 / room if room > 0.01 else 0.5
    return {"late_s": late * noise, "rate_per_s": min(clients, 16.0) * 100 * noise}
"""


@pytest.fixture
def edge(here: Path) -> Callable[..., Path]:
    """Write a study of a service that is late from 15 clients on, and full from 16 on."""
    (here / "service.py").write_text(MODULE)

    def write(**words: Any) -> Path:
        study = {
            "study": "edge",
            "system": {"python": "service:serve"},
            "factors": {"clients": {"log_interval": [1, 64]}},
            "replicates": 3,
            "metrics": {"rate_per_s": "maximize", "late_s": "minimize"},
            "slo": {"late_s": {"max": 0.02}},
            "design": "edge",
            "parallel": {"jobs": 2},
            **words,
        }
        (here / "study.yaml").write_text(json.dumps(study))
        return here / "study.yaml"

    return write


def test_the_edge_is_found_and_told(edge: Callable[..., Path], fairtrial: Type, data: Callable[..., Any]) -> None:
    """Within 5 % below where it truly is; the report says up to where the service level is kept, and how sure."""
    edge()
    code, _, err = fairtrial("run", "study.yaml", "-q")
    assert code == 0, err
    (found,) = [one for one in data("analyse", "--of", "saturation")["saturation"] if "edge" in one]
    assert 13.5 < found["edge"] <= 15
    assert found["reached"]
    report = fairtrial("report")[1]
    assert f"late_s <= 0.02 up to clients = {found['edge']:g}" in report
    assert "% confidence, 3 replicates" in report
    assert "## Search" not in report


def test_a_search_that_is_broken_off_goes_on_where_it_was(
    edge: Callable[..., Path], fairtrial: Type, data: Callable[..., Any]
) -> None:
    """The same levels in the same order as an undisturbed one; done, it runs nothing again."""
    edge()
    assert fairtrial("run", "study.yaml", "-q")[0] == 0
    whole = fairtrial("show", "1", "--json")
    edge(study="broken", stop={"trials": 8})
    while (code := fairtrial("run", "study.yaml", "-q")[0]) == 7:
        pass
    assert code == 0
    ends = [json.loads(said)["data"]["findings"] for said in (whole[1], fairtrial("show", "2", "--json")[1])]
    assert [row["assignment"] for row in ends[0]] == [row["assignment"] for row in ends[1]]
    assert "all is done already" in fairtrial("run", "study.yaml", "-q")[1]


def test_a_plan_says_what_it_knows(edge: Callable[..., Path], fairtrial: Type) -> None:
    """The first level, and how it goes on."""
    edge()
    code, out, _ = fairtrial("plan", "study.yaml")
    assert code == 0
    assert "edge: a new run: 3 new" in out
    assert "levels of clients from the lowest up, then halves of the bracket until its ends are within 5 %" in out


def test_it_stops_where_nothing_grows(edge: Callable[..., Path], fairtrial: Type, data: Callable[..., Any]) -> None:
    """A service level that is always kept, and a rate that ends at 16 clients: two steps above, it is known."""
    edge(
        factors={"clients": {"integers": [1, 1024]}},
        design={"kind": "edge", "until": "saturation"},
        slo={"late_s": {"max": 9}},
    )
    assert fairtrial("run", "study.yaml", "-q")[0] == 0
    found = {row["assignment"]["clients"] for row in data("show", "1")["findings"]}
    assert found == {1, 2, 4, 8, 16, 32, 64}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"slo": {}}, "design edge needs service levels"),
        ({"factors": {"clients": ["few", "many"]}}, "clients"),
        ({"design": {"kind": "edge", "factor": "clints"}}, "did you mean 'clients'?"),
    ],
)
def test_what_has_no_edge_is_refused(
    edge: Callable[..., Path], fairtrial: Type, words: dict[str, Any], said: str
) -> None:
    """By `check` already: exit 2, one line."""
    edge(**words)
    code, out, err = fairtrial("check", "study.yaml")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
