"""The system as a whole: what it promises of outcomes, chance, look-ahead, mistakes, two runners, tampering, codes.

Each promise once, by the way that a user takes where it is about the whole; the parts are proved where they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter
from threadpoolctl import threadpool_limits

import fairtrial
from fairtrial.errors import UnknownName
from fairtrial.model.outcome import Status
from fairtrial.model.run import TrialRow
from fairtrial.stats.interval import rate_interval
from fairtrial.systems.signals.catalogue import FORMULAS, LEARNED, names, signal
from fairtrial.systems.signals.generate.market import market as generated
from fairtrial.systems.signals.grid.make import make
from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.parameters import Parameters
from fairtrial.systems.signals.rank.configuration import Configuration
from fairtrial.systems.signals.rank.standing import standings
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
    Bins,
    Events,
    Market,
    Trades,
)  # fmt: skip
from fairtrial.systems.signals.words import Costs, Evaluation, Folds, Grid, Synthetic

PATIENCE_S = 280.0
TICK = 0.25
STUDY: Mapping[str, Any] = {
    "study": "signals",
    "question": "Does it gain after costs?",
    "system": "signals",
    "base": {
        "signal": {"name": "iirc"},
        "data": {"synthetic": {"bins": 2000, "events_per_s": 50}},
        "evaluation": {"max_hold_bins": 50, "warmup_bins": 100, "folds": {"embargo_bins": 20}},
        "trades": False,
    },
    "factors": {"evaluation.tp_ticks": [4, 8]},
    "metrics": {"expectancy_net_ticks": "maximize"},
}


class Folder:
    """A folder with studies and a book, in which commands are typed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command."""
        argv = [sys.executable, "-m", "fairtrial", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, cwd=self.path, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environment}
        )

    def type(self, *words: str, **environment: str) -> tuple[int, str]:
        """Type a command; return its exit code and what it said."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in err, err
        return process.returncode, out + err

    def write(self, name: str = "study.yaml", **changes: Any) -> str:
        """Write the study with other parts; return the file's name."""
        (self.path / name).write_text(json.dumps({**STUDY, **changes}))
        return name

    def run(self, *words: str, code: int = 0, **changes: Any) -> str:
        """Write a study and run it."""
        found, said = self.type("run", self.write(**changes), "--quiet", *words)
        assert found == code, said
        return said

    def done(self, number: int = 1) -> list[int]:
        """Return the numbers of the trials of a run that are done."""
        return [row.number for row in fairtrial.Run(number, folder=self.path).trials(status="done")]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty one."""
    return Folder(tmp_path)


def base(**parts: Any) -> dict[str, Any]:
    """Return the base of the study with other parts."""
    return {**STUDY["base"], **parts}


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
def test_a_path_by_hand(protocol: str) -> None:
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
    known = Mode("confidence", (1.0,))
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


def priced(mid_ticks: Any) -> Market:
    """Return a market of these mids, the book a tick wide."""
    mid = np.asarray(mid_ticks, dtype=np.float64)
    number, price = np.arange(len(mid)), np.rint(mid * TICK * 1e9).astype(np.int64)
    half, end = round(TICK / 2 * 1e9), (np.arange(len(mid)) + 1) * 10**8
    times = (end, end - 10**8, end)
    best = (price - half, price + half, price)
    bins = Bins(number, *times, mid * TICK, number, np.ones_like(number), np.ones(len(mid), bool), *best)
    return Market("made", bins, {}, TICK, 0.1)


class Mode:
    """What a judge reads of a signal: how it fires, and thresholds of its own or quantiles of |value|."""

    def __init__(self, mode: str = "state", levels: Sequence[float] = ()) -> None:
        self.mode: Any = mode
        self.levels = tuple(levels)

    def thresholds(self, values: Any) -> tuple[float, ...]:
        """Return them."""
        return self.levels or tuple(np.unique(np.quantile(np.abs(values), (0.5, 0.8, 0.9, 0.95))).tolist())


# (b) -----------------------------------------------------------------------------------------------------------------

BARRIERS = ((8.0, 4.0), (4.0, 4.0), (3.0, 6.0))
JUDGED = Evaluation(
    max_hold_bins=100, warmup_bins=100, cooldown_bins=10, draws=1000, folds=Folds(count=3, embargo_bins=50)
)


def configurations(market: Market, signals: Mapping[str, tuple[Any, Any]], seed: int) -> list[Configuration]:
    """Judge every signal under every pair of barriers, as the trials of one book."""
    found = []
    for number, (name, (known, values)) in enumerate(signals.items()):
        for tp, sl in BARRIERS:
            evaluation = JUDGED.model_copy(update={"tp_ticks": tp, "sl_ticks": sl})
            rng = np.random.default_rng([seed, number])
            metrics = judge([market], [values], signal=known, evaluation=evaluation, rng=rng).metrics
            row = TrialRow(
                run=1, number=len(found), digest=b"", variant=name, assignment={}, replicate=0, seed=seed,
                status=Status.DONE, attempt=1, retired=False, metrics=metrics,
            )  # fmt: skip
            said = {"signal": {"name": name}, "evaluation": evaluation.model_dump(), "data": {"synthetic": {}}}
            found.append(Configuration(said, (row,)))
    return found


def discovered(found: Sequence[Configuration]) -> bool:
    """Say whether any configuration is a discovery, after all that were tried."""
    return any(one.p_adjusted is not None and one.p_adjusted <= 0.05 for one in standings(found, found))


def walked(seed: int) -> tuple[Market, dict[str, tuple[Any, Any]]]:
    """Draw a walk whose volatility comes in spells, and signals that follow it, lean against it, or are noise."""
    rng = np.random.default_rng([7, seed])
    n = 4000
    lively = np.where(np.repeat(rng.random(n // 200) < 0.3, 200), 0.9, 0.2)
    move = np.where(rng.random(n) < lively, rng.choice([-0.5, 0.5], n), 0.0)
    mid = 4000 + np.cumsum(move)
    past = lfilter([0.03], [1, -0.97], move)
    noise = lfilter([0.2], [1, -0.95], rng.normal(size=n))
    wild = noise * np.sqrt(lfilter([0.02], [1, -0.98], move**2) + 1e-9)
    values = {"follows": past, "leans": -past, "noise": noise, "wild": wild}
    return priced(mid), {name: (Mode(), value) for name, value in values.items()}


def drawn(seed: int) -> tuple[Market, dict[str, tuple[Any, Any]]]:
    """Make up a market without an edge, and signals of its grid."""
    known = {name: signal(name) for name in ("iirc", "msd", "perm_derivative")}
    columns = sorted({column for one in known.values() for column in one.columns})
    made = generated(Synthetic(bins=3000, events_per_s=50), np.random.default_rng([8, seed]), columns=columns)
    return made, {name: (one, one.batch(made, one.Parameters(), seed=0)) for name, one in known.items()}


def false_discoveries(count: int, draw: Any) -> tuple[int, int]:
    """Return in how many of so many markets anything was discovered, and of how many."""
    return sum(discovered(configurations(*draw(seed), seed)) for seed in range(count)), count


def assert_at_most(found: tuple[int, int], rate: float) -> None:
    """Assert that a rate is not above the nominal one: the lower end of its 95 % interval is below."""
    assert rate_interval(*found)[0] <= rate, found


def test_nothing_is_discovered_on_random_walks() -> None:
    """(b) Of sixty walks without an edge, judged in twelve ways each, no more than 5 % show anything."""
    assert_at_most(false_discoveries(60, walked), 0.05)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_nothing_is_discovered_on_a_thousand_random_walks() -> None:
    """(b) The same of a thousand."""
    assert_at_most(false_discoveries(1000, walked), 0.05)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_nothing_is_discovered_on_a_thousand_made_up_markets() -> None:
    """(b) A thousand markets whose flow foretells nothing, three signals under three pairs of barriers."""
    assert_at_most(false_discoveries(1000, drawn), 0.05)


def test_a_planted_edge_is_found_with_its_sign(folder: Folder) -> None:
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


def test_a_planted_edge_is_found_with_its_size() -> None:
    """(b) A signal after which the price goes 2 ticks its way: the interval of the net result holds 2 less costs."""
    inside, means = 0, []
    evaluation = Evaluation(
        tp_ticks=1000, sl_ticks=1000, max_hold_bins=40, warmup_bins=0, cooldown_bins=0, threshold=1.0, draws=1000,
        costs=Costs(entry_delay_bins=0, half_spread=0.25, fee_ticks=0.5), folds=Folds(count=4, embargo_bins=0),
    )  # fmt: skip
    for seed in range(40):
        rng = np.random.default_rng([9, seed])
        values, lean = np.zeros(20_000), np.zeros(20_000)
        for start in range(0, 20_000, 100):
            at, side = start + rng.integers(0, 50), rng.choice([-1, 1])
            values[at], lean[at + 1 : at + 41] = side, 0.1 * side
        mid = 9000 + np.cumsum(np.where(rng.random(20_000) < (1 + lean) / 2, 0.5, -0.5))
        found = judge([priced(mid)], [values], signal=Mode(levels=(1.0,)), evaluation=evaluation, rng=rng).metrics
        inside += found["expectancy_low_ticks"] <= 1.0 <= found["expectancy_high_ticks"]
        means.append(found["expectancy_net_ticks"])
        assert found["p_random"] < 0.01
    assert abs(np.mean(means) - 1.0) <= 3 * np.std(means) / np.sqrt(len(means))
    assert rate_interval(inside, 40)[1] >= 0.95


# (c), (d) ------------------------------------------------------------------------------------------------------------

SMALL: Mapping[str, Any] = {"min_train_bins": 900, "retrain_bins": 200, "label_max_bins": 200, "max_train_rows": 1000}
SMALLER: Mapping[str, Mapping[str, Any]] = {
    "gbm_mf": {"rounds": 15, "leaves": 7, "patience_rounds": 5},
    "xgb_snap": {"rounds": 8},
    "lsvm_der": {"full_bins": 600},
    "pca_ad": {"min_train_bins": 300, "window_bins": 200, "components": 5},
}
OURS = [*FORMULAS, *LEARNED]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Let linear algebra have one thread, as a trial's has."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def flow() -> Market:
    """A market of 2,400 bins whose orders went through a matching book, with every column that a signal reads."""
    columns = sorted({column for name in OURS for column in signal(name).columns})
    synthetic = Synthetic(bins=2400, events_per_s=50, edge=0.5, volatility_ticks=3)
    return generated(synthetic, np.random.default_rng(0), columns=columns)


def small(name: str) -> Any:
    """Return a signal's parameters, small enough for that market."""
    model = signal(name).Parameters
    learns = SMALL if name in LEARNED else {}
    given = {key: value for key, value in learns.items() if key in model.model_fields}
    return model.model_validate({**given, **SMALLER.get(name, {})})


def shuffled(market: Market, last: int) -> Market:
    """Return a market whose bins after `last` are in another order, prices, books and grid alike."""
    later = last + 1 + np.random.default_rng(1).permutation(len(market) - last - 1)
    order = np.concatenate((np.arange(last + 1), later))
    stay = ("bin_seq", "ts_ns", "bin_start_ns", "bin_end_ns")
    moved = {field.name: getattr(market.bins, field.name)[order] for field in fields(market.bins)}
    bins = replace(market.bins, **{name: column for name, column in moved.items() if name not in stay})
    return replace(market, bins=bins, columns={name: values[order] for name, values in market.columns.items()})


def test_every_signal_is_known_here() -> None:
    """(c), (d) What follows is asked of every signal that the catalogue names of its own."""
    assert [name for name in names() if name in OURS] == OURS


@pytest.mark.parametrize("name", OURS)
def test_the_future_changes_nothing(name: str, flow: Market) -> None:
    """(c) Bins after a fold in another order: values, thresholds and trades up to there stay, to the last bit."""
    known, settings = signal(name), small(name)
    evaluation = Evaluation(
        tp_ticks=3, sl_ticks=3, max_hold_bins=40, warmup_bins=100, cooldown_bins=5, min_signals=2, draws=1000,
        folds=Folds(count=5, embargo_bins=20),
    )  # fmt: skip
    values = known.batch(flow, settings, seed=3)
    before = judge([flow], [values], signal=known, evaluation=evaluation, rng=np.random.default_rng(0))
    starts = [100 + 1840 * at // 6 for at in range(7)]
    assert starts[-1] == 1940  # where the final block begins
    traded = 0
    for fold in (2, 4):
        last = starts[fold + 2] - 1
        later = shuffled(flow, last)
        others = known.batch(later, settings, seed=3)
        np.testing.assert_array_equal(others[: last + 1], values[: last + 1])
        assert not np.array_equal(others, values, equal_nan=True)
        after = judge([later], [others], signal=known, evaluation=evaluation, rng=np.random.default_rng(0))
        assert of_folds(after, fold) == of_folds(before, fold)
        traded += len(of_folds(before, fold)[0])
    assert traded > 0


def of_folds(found: Any, last: int) -> tuple[list[Any], list[Any]]:
    """Return trades and tried thresholds of the folds up to `last`, as text: NaN equals NaN."""
    trades, tried = found.trades, found.thresholds
    mine = (trades.fold >= 0) & (trades.fold <= last)
    rows = zip(*(getattr(trades, field.name)[mine].tolist() for field in fields(trades)), strict=True)
    chosen = (tried["fold"] >= 0) & (tried["fold"] <= last)
    return [repr(row) for row in rows], [repr(row) for row in zip(*(tried[key][chosen] for key in tried), strict=True)]


@pytest.mark.parametrize("name", OURS)
def test_a_stream_is_its_batch(name: str, flow: Market) -> None:
    """(d) Bin by bin gives the values that the whole market gives, within 1e-9."""
    known, settings = signal(name), small(name)
    batch = known.batch(flow, settings, seed=3)
    stream = known.stream(settings, tick_size=flow.tick_size, bin_s=flow.bin_s, seed=3)
    steps = np.array([stream.step(flow.bin(number)) for number in range(len(flow))])
    assert np.isfinite(batch).mean() > 0.3
    np.testing.assert_allclose(steps, batch, rtol=0, atol=1e-9)


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
        ({"base": base(evaluation=OLDER), "factors": {"evaluation.costs.fee_ticks": [0.5, 1]}}, "costs"),
        ({"base": base(signal={"name": "iric"})}, "iirc"),
        ({"base": base(data={"dataset": "dya", "lake": "lake"})}, "did you mean 'day'"),
        ({"base": base(data={"dataset": "gridless", "lake": "lake"})}, "grid_clean.parquet is missing"),
        ({"base": base(data={"dataset": "narrow", "lake": "lake"})}, "101"),
        ({"base": base(data={"days": ["day", "coarse"], "lake": "lake"})}, "tick_size differs: day has 0.25"),
        ({"base": base(data={"dataset": "day"})}, "no data set 'day' in lake/"),
        ({"base": base(data={"dataset": "day", "lake": "a-file"})}, "no data set 'day' in a-file/"),
        ({"base": base(trade=True)}, "trades"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_before_work(changes: Any, message: str, tmp_path: Path, request: Any) -> None:
    """(e) Another key, an unknown or idle factor, data that are not there or not whole: exit 2, and nothing runs."""
    if "lake" in json.dumps(changes.get("base", {})) and "a-file" not in message:
        (tmp_path / "lake").symlink_to(request.getfixturevalue("broken"))
    (tmp_path / "a-file").write_text("")
    if message == "no data set 'day' in lake/":
        changes = {"base": base(data={"dataset": "day"})}
    folder = Folder(tmp_path)
    said = folder.run(code=2, **changes)
    assert message in said, said
    assert len(said.strip().splitlines()) == 1, said
    assert not list(tmp_path.glob(".fairtrial/trials/*"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a data set, one without a grid, and one whose grid has too few cells."""
    import polars as pl

    home = Folder(tmp_path_factory.mktemp("broken"))
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


def test_two_runners_append_to_one_book(folder: Folder) -> None:
    """(f) Two studies of 500 trials each at once: a thousand whole trials, and the book verifies."""
    files = [
        folder.write(
            f"{name}.yaml",
            study=name,
            base=base(data={"synthetic": {"bins": bins, "events_per_s": 20}}),
            factors={
                "evaluation.tp_ticks": [float(tp) for tp in range(1, 26)],
                "evaluation.sl_ticks": [float(sl) for sl in range(1, 21)],
            },
        )
        for name, bins in (("left", 600), ("right", 700))
    ]
    runners = [folder.start("run", name, "--quiet", "parallel.jobs=1") for name in files]
    for runner in runners:
        out, err = runner.communicate(timeout=PATIENCE_S)
        assert runner.returncode == 0, out + err
    assert folder.done(1) == folder.done(2) == list(range(1, 501))
    every = {row.digest for run in (1, 2) for row in fairtrial.Run(run, folder=folder.path).trials()}
    assert len(every) == 1000
    assert folder.type("verify") == (0, "the book is whole\n")


def test_the_same_again_does_nothing(folder: Folder) -> None:
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


def test_a_stall_on_two_percent_of_bins_fails(folder: Folder) -> None:
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


def test_a_tampered_data_set_is_not_used(folder: Folder) -> None:
    """(i) One byte of bins, grid, messages or checksums: a checksum error, and no trial measures anything."""
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
        said = folder.run(base=base(data=data), study=path.stem, code=3)
        assert "checksum error" in said, said
        assert re.search(r"0 done, 2 failed", said), said
        path.write_bytes(whole)
    folder.run(base=base(data=plain))


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
    cell = round(TICK * 1e9)
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
    made = make(events, tick_size=TICK, grid=Grid(), start_ns=0, columns=["perm_state5_code", "perm_microstate_id"])
    codes = made.columns["perm_state5_code"]
    assert codes.shape == (len(best), LEVELS)
    for number, (ask, bid) in enumerate(ways, 1):
        above, below = STATE5[ask, bid]
        assert set(codes[number, REACH + 1 :].tolist()) == {above}
        assert set(codes[number, :REACH].tolist()) == {below}
        assert codes[number, REACH] == 0
        assert set(made.columns["perm_microstate_id"][number].tolist()) == {3 * (ask + 1) + bid + 1}


def test_parameters_of_this_file_are_valid() -> None:
    """The study of this file is one that the system takes."""
    assert Parameters.model_validate(STUDY["base"]).signal.name == "iirc"
