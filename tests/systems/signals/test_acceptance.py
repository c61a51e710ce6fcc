"""The system as a whole, by the way that a user takes: outcomes, an edge, mistakes, two runners, tampering, codes.

(b) at length, false discoveries and the size of an edge, is in `test_chance.py`; (c) and (d), what no signal may know
and what its stream gives, in `test_foresight.py`; the parts are proved where they are.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fairtrial
from fairtrial.errors import UnknownName
from fairtrial.systems.signals.grid.make import make
from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.record import (
    ADD,
    ASK,
    BID,
    CLEAR,
    LEVELS,
    OUTCOMES,
    REACH,
    SL,
    TIMEOUT,
    TP,
    TRUNCATED,
    Events,
    Trades,
)
from fairtrial.systems.signals.words import Costs, Evaluation, Folds, Grid

# (a) -----------------------------------------------------------------------------------------------------------------

PATH = [
    100, 100, 101, 104, 104,  # +4 at bin 3: a long from bin 1 takes its profit
    100, 99, 98, 98, 98,  # -2 at bin 7: a long from bin 5 is stopped, a short from bin 5 is not yet at its profit
    90, 90, 90, 90, 90,  # from 98 far through both ends at bin 10: what is nearer counts, and the price that was seen
    90, 91, 90, 91, 90,  # neither in time
    90, 91, 92, 93, 93,  # the data end
]  # fmt: skip
HAND = [  # signal bin, side, outcome, exit bin, gross ticks; tp 4, sl 2, four bins at most
    (1, +1, TP, 3, 4.0),
    (5, +1, SL, 7, -2.0),
    (8, -1, TP, 10, 8.0),
    (9, +1, SL, 10, -8.0),
    (14, +1, TIMEOUT, 18, 1.0),
    (15, -1, TIMEOUT, 19, 0.0),
    (19, -1, SL, 22, -2.0),
    (21, +1, TRUNCATED, 24, np.nan),
]


@pytest.mark.parametrize("protocol", ["honest", "original"])
def test_a_path_by_hand(protocol: str, priced: Any, mode: Any) -> None:
    """(a) Both sides touch, overshoot, time out and run out of data as worked out by hand."""
    values = np.zeros(len(PATH))
    for at, side, *_ in HAND:
        values[at] = side
    given: dict[str, Any] = {"tp_ticks": 4, "sl_ticks": 2, "warmup_bins": 0, "cooldown_bins": 0, "threshold": 1.0}
    if protocol == "honest":  # one slice to learn from, which the threshold makes idle: what is tested begins at bin 0
        path, shift = [100] * len(PATH) + PATH, len(PATH)
        values = np.concatenate([np.zeros(len(PATH)), values])
        given |= {"max_hold_bins": 4, "overlap": "independent", "folds": Folds(count=1, embargo_bins=0, holdout=0)}
        given["costs"] = Costs(entry_delay_bins=0, half_spread=0.5, fee_ticks=0.25)
    else:  # of `max_hold_bins` the older harness looks at one bin less
        path, shift = PATH, 0
        given |= {"protocol": protocol, "max_hold_bins": 5}
    known = mode("confidence", (1.0,))
    found = judge([priced(path)], [values], signal=known, evaluation=Evaluation(**given), rng=np.random.default_rng(0))
    assert said(found.trades, shift) == [hand(one, protocol) for one in HAND]
    assert set(found.trades.cost_ticks[np.isfinite(found.trades.gross_ticks)]) == {
        1.25 if protocol == "honest" else 0.0
    }


def said(trades: Trades, shift: int) -> list[tuple[int, int, str, int, str]]:
    """Return trades as the table has them."""
    rows = zip(trades.signal_bin, trades.side, trades.outcome, trades.exit_bin, trades.gross_ticks, strict=True)
    return [(at - shift, side, OUTCOMES[kind], end - shift, f"{gross + 0:g}") for at, side, kind, end, gross in rows]


def hand(one: tuple[int, int, int, int, float], protocol: str) -> tuple[int, int, str, int, str]:
    """Return a line of the table; the older harness calls what the end of the data cut off a time-out."""
    at, side, kind, end, gross = one
    if kind == TRUNCATED and protocol == "original":
        kind, gross = TIMEOUT, PATH[end] - PATH[at]
    return at, side, OUTCOMES[kind], end, f"{gross:g}"


# (b) -----------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_planted_edge_is_found_with_its_sign(folder: Any) -> None:
    """(b) Flow that foretells the price gains, the opposite does not, and the ranking supports the strongest."""
    evaluation = {
        "tp_ticks": 12, "sl_ticks": 12, "max_hold_bins": 60, "cooldown_bins": 10, "threshold": 0.2,
        "costs": {"half_spread": 0, "fee_ticks": 0}, "folds": {"embargo_bins": 50},
    }  # fmt: skip
    folder.run(
        base={
            "signal": {"name": "jad"},
            "data": {"synthetic": {"bins": 20_000, "events_per_s": 50, "volatility_ticks": 2}},
            "evaluation": evaluation,
        },
        factors={"data.synthetic.edge": [-0.5, 0.5, 1.0]},
        replicates=4,
        metrics={"excess_ticks": "maximize"},
    )
    excess: dict[float, list[float]] = {}
    for row in fairtrial.Run(1, folder=folder.path).trials(status="done"):
        excess.setdefault(row.assignment["data.synthetic.edge"], []).append(row.metrics["excess_ticks"])
    means = {edge: np.mean(values) for edge, values in excess.items()}
    errors = {edge: np.std(values, ddof=1) / 2 for edge, values in excess.items()}
    assert means[-0.5] - 2 * errors[-0.5] < 0 < means[0.5] - 2 * errors[0.5]
    assert means[0.5] - means[-0.5] > 2 * np.hypot(errors[0.5], errors[-0.5])
    assert means[1.0] > means[0.5]
    _, said = folder.type("signals", "rank", "--run", "1")
    assert re.search(r"jad with 12/12 leads.*\n  supported", said), said
    assert re.search(r"^=\s+jad\s+edge=1\.0", said, re.MULTILINE), said


# (e) -----------------------------------------------------------------------------------------------------------------

OLDER = {"protocol": "original"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factorz": {}}, "factorz"),
        ({"factors": {"evaluation.tp_tick": [4, 8]}}, "tp_ticks"),
        ({"factors": {"signal.parameters.noise_flor": [0.1, 0.2]}}, "noise_floor"),
        ({"factors": {"signal.parameters.noise_floor": [0.1, -1]}}, "noise_floor: Input should be greater than"),
        ({"factors": {"evaluation.costs.half_spread": [0.5, -3]}}, "half_spread"),
        ({"factors": {"data.lake": ["a", "b"]}}, "data.lake"),
        ({"base": {"evaluation": OLDER}, "factors": {"evaluation.costs.fee_ticks": [0.5, 1]}}, "costs"),
        ({"base": {"signal": {"name": "iric"}}}, "iirc"),
        ({"base": {"data": {"dataset": "dya", "lake": "lake"}}}, "did you mean 'day'"),
        ({"base": {"data": {"dataset": "gridless", "lake": "lake"}}}, "grid_clean.parquet is missing"),
        ({"base": {"data": {"dataset": "narrow", "lake": "lake"}}}, "101"),
        ({"base": {"data": {"days": ["day", "coarse"], "lake": "lake"}}}, "tick_size differs: day has 0.25"),
        ({"base": {"data": {"dataset": "day"}}}, "no data set 'day' in lake/"),
        ({"base": {"data": {"dataset": "day", "lake": "a-file"}}}, "no data set 'day' in a-file/"),
        ({"base": {"trade": True}}, "trades"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_before_work(changes: Any, message: str, folder: Any, request: Any) -> None:
    """(e) Another key, an unknown or idle factor, data that are not there or not whole: exit 2, and nothing runs."""
    if "lake" in json.dumps(changes.get("base", {})) and "a-file" not in message:
        (folder.path / "lake").symlink_to(request.getfixturevalue("broken"))
    (folder.path / "a-file").write_text("")
    if message == "no data set 'day' in lake/":
        changes = {"base": {"data": {"dataset": "day"}}}
    said = folder.run(code=2, **changes)
    assert message in said, said
    assert len(said.strip().splitlines()) == 1, said
    assert not list(folder.path.glob(".fairtrial/trials/*"))


@pytest.fixture(scope="module")
def broken(folders: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a data set, one without a grid, and one whose grid has too few cells."""
    import polars as pl

    home = folders(tmp_path_factory.mktemp("broken"))
    for name, tick in (("day", "0.25"), ("coarse", "1")):
        words = ("--id", name, "--tick-size", tick, "--bins", "400", "--events-per-s", "20")
        code, said = home.type("signals", "generate", *words)
        assert code == 0, said
    lake = home.path / "lake"
    root = lake / "research" / "vp_immutable"
    for name in ("gridless", "narrow"):
        (root / name).mkdir()
        for file in ("bins.parquet", "manifest.json"):
            (root / name / file).write_bytes((root / "day" / file).read_bytes())
    grid = pl.read_parquet(root / "day" / "grid_clean.parquet")
    grid.filter(pl.col("k").abs() < REACH).write_parquet(root / "narrow" / "grid_clean.parquet")
    return lake


# (f), (h) ------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_two_runners_append_to_one_book(folder: Any) -> None:
    """(f) Two studies of 500 trials each at once: a thousand whole trials, and the book verifies."""
    files = [
        folder.write(
            f"{name}.yaml",
            study=name,
            base={"data": {"synthetic": {"bins": bins, "events_per_s": 20}}},
            factors={
                "evaluation.tp_ticks": [float(tp) for tp in range(1, 26)],
                "evaluation.sl_ticks": [float(sl) for sl in range(1, 21)],
            },
        )
        for name, bins in (("left", 600), ("right", 700))
    ]
    runners = [folder.start("run", name, "--quiet", "parallel.jobs=1") for name in files]
    for runner in runners:
        out, err = runner.communicate(timeout=280)
        assert runner.returncode == 0, out + err
    assert folder.done(1) == folder.done(2) == list(range(1, 501))
    every = {row.digest for run in (1, 2) for row in fairtrial.Run(run, folder=folder.path).trials()}
    assert len(every) == 1000
    assert folder.type("verify") == (0, "the book is whole\n")


def test_the_same_again_does_nothing(folder: Any) -> None:
    """(h) The same configuration twice: no new run, no new trial, and it says that all is done."""
    folder.run()
    before = [(row.digest, row.attempt) for row in fairtrial.Run(1, folder=folder.path).trials()]
    said = folder.run()
    assert "all is done already: 2 done, 0 failed" in said
    assert [(row.digest, row.attempt) for row in fairtrial.Run(1, folder=folder.path).trials()] == before
    with pytest.raises(UnknownName):
        fairtrial.Run(2, folder=folder.path).trials()


# (g) -----------------------------------------------------------------------------------------------------------------

SLOW = '''
import time
import numpy as np
from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    stall_ms: float = 150.0


class Slow:
    """A signal that stands still at every fiftieth bin."""

    name, help, mode, Parameters, columns = "slow", "Stalls at 2 % of the bins.", "state", Settings, ("add_mass",)

    def batch(self, market, parameters, *, seed):
        return np.ones(len(market))

    def stream(self, parameters, *, tick_size, bin_s, seed):
        return Steps(parameters.stall_ms)

    def thresholds(self, values):
        return (0.5,)


class Steps:
    def __init__(self, stall_ms):
        self.stall_s = stall_ms / 1000

    def step(self, now):
        if now.number % 50 == 49:
            time.sleep(self.stall_s)
        return 1.0
'''


def test_a_stall_on_two_percent_of_bins_fails(folder: Any) -> None:
    """(g) A user's signal that stalls for 150 ms at 2 % of the bins misses a budget of 100 ms; of 1 ms, not."""
    place = folder.path / "mine"
    (place / "mine-1.0.dist-info").mkdir(parents=True)
    (place / "mine-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (place / "mine-1.0.dist-info" / "entry_points.txt").write_text("[fairtrial.signals]\nslow = slow_signal:Slow\n")
    (place / "slow_signal.py").write_text(SLOW)
    words = ["signals", "online-sim", "--signal", "slow", "--synthetic-bins", "200", "--bin-budget-ms", "100"]
    code, said = folder.type(*words, PYTHONPATH=str(place))
    assert code == 4, said
    assert "slow on synthetic does not keep up" in said
    assert "4 of 200 bins over it (2.00%)" in said
    code, said = folder.type(*words, "--signal-params-json", '{"stall_ms": 1}', PYTHONPATH=str(place))
    assert code == 0, said


# (i) -----------------------------------------------------------------------------------------------------------------


def test_a_tampered_data_set_is_not_used(folder: Any) -> None:
    """(i) One byte of bins, grid, messages or checksums: a checksum error, before any work starts."""
    code, said = folder.type("signals", "generate", "--id", "day", "--bins", "400", "--events-per-s", "20")
    assert code == 0, said
    day = folder.path / "lake" / "research" / "vp_immutable" / "day"
    plain = {"dataset": "day"}
    other = {"dataset": "day", "grid": {"tau_velocity_s": 1.0}}
    for file, data in (
        ("bins.parquet", plain),
        ("grid_clean.parquet", plain),
        ("events.parquet", other),
        ("checksums.json", plain),
    ):
        path, whole = day / file, (day / file).read_bytes()
        path.chmod(0o644)
        path.write_bytes(flipped(whole))
        said = folder.run(base={"data": data}, study=path.stem, code=2)
        assert "checksum error" in said, said
        path.write_bytes(whole)
    folder.run(base={"data": plain})


def flipped(whole: bytes) -> bytes:
    """Change one byte: of text the first digit of a checksum, else one in the middle."""
    if whole.startswith(b"{"):
        at = whole.index(b'": "') + 4
        return whole[:at] + (b"1" if whole[at : at + 1] == b"0" else b"0") + whole[at + 1 :]
    at = len(whole) // 2
    return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]


# (j) -----------------------------------------------------------------------------------------------------------------

STATE5 = {  # moves of ask and bid -> code above, code below
    (1, 1): (2, 1), (0, 1): (2, 1), (0, 0): (0, 0), (-1, 1): (0, 0),
    (1, 0): (-1, -2), (1, -1): (-1, -2), (0, -1): (-1, -2), (-1, 0): (-1, -2), (-1, -1): (-1, -2),
}  # fmt: skip


def test_the_table_of_states_is_exact() -> None:
    """(j) A book whose best prices move in all nine ways has the codes of the table, cell 0 none."""
    ways = [way for way in STATE5 for _ in range(2)]
    best = [(1000, 1010)]
    for ask, bid in ways:
        best.append((best[-1][0] + bid, best[-1][1] + ask))
    cell = round(0.25 * 1e9)
    rows = []
    for number, (bid, ask) in enumerate(best):
        at = number * 10**8
        rows += [
            (at, CLEAR, BID, 0, 0.0, 0),
            (at + 1, ADD, BID, bid * cell, 5.0, 2 * number + 1),
            (at + 2, ADD, ASK, ask * cell, 5.0, 2 * number + 2),
        ]
    kinds = (np.int64, np.int8, np.int8, np.int64, np.float64, np.int64)
    events = Events(*(np.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)))
    made = make(events, tick_size=0.25, grid=Grid(), start_ns=0, columns=["perm_state5_code", "perm_microstate_id"])
    codes = made.columns["perm_state5_code"]
    assert codes.shape == (len(best), LEVELS)
    for number, (ask, bid) in enumerate(ways, 1):
        above, below = STATE5[ask, bid]
        assert set(codes[number, REACH + 1 :].tolist()) == {above}
        assert set(codes[number, :REACH].tolist()) == {below}
        assert codes[number, REACH] == 0
        assert set(made.columns["perm_microstate_id"][number].tolist()) == {3 * (ask + 1) + bid + 1}
