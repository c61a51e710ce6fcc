"""Market by order as Databento writes it: what changes a book and what does not, in every way it is written."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.feed.mbo import read_mbo
from fairtrial.systems.signals.orders.replay import replay
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY

HEAD = (
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,"
    "channel_id,order_id,flags,ts_in_delta,sequence,symbol"
)
NONE = 2**63 - 1
LAST, SNAPSHOT, DOUBTFUL, TOP = 128, 32 | 8, 4, 64
DAY = 1_770_000_000 * 10**9


def record(time: int, action: str, side: str, price, size: int, order: int, flags: int = LAST, symbol: str = "MNQH6"):
    """Write a record as CSV, `time` in ns of a day; its event was 10 us earlier."""
    cells = (DAY + time, DAY + time - 10_000, 160, 1, 42, action, side, price, size, 0, order, flags, 0, 7, symbol)
    return ",".join(map(str, cells))


@pytest.fixture
def written(tmp_path):
    """Records -> a CSV file."""

    def of(*records: str, name: str = "day.csv", head: str = HEAD):
        path = tmp_path / name
        path.write_text("\n".join((head, *records)) + "\n")
        return path

    return of


def rows(fed) -> list[tuple]:
    """Return (time, action, side, price, size, order) of each message."""
    events = fed.events
    columns = (events.ts_ns - DAY, events.action, events.side, events.price, events.size, events.order)
    return [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


TICK = 250_000_000
DAYBREAK = (
    record(0, "R", "N", NONE, 0, 0, SNAPSHOT),
    record(0, "A", "B", 100 * TICK, 5, 11, SNAPSHOT),
    record(0, "A", "A", 101 * TICK, 3, 2**64 - 2, SNAPSHOT | LAST),
)


def test_each_action_does_what_it_means(written):
    """T and F change nothing; a C is a fill as far as F went before it; the rest of it is a cancel."""
    fed = read_mbo(
        [
            written(
                *DAYBREAK,
                record(50, "A", "B", 99 * TICK, 4, 12),
                record(60, "M", "B", 100 * TICK, 2, 12),
                record(70, "T", "A", 100 * TICK, 6, 0, 0),
                record(70, "F", "B", 100 * TICK, 5, 11, 0),
                record(70, "F", "B", 100 * TICK, 1, 12, 0),
                record(70, "C", "B", 100 * TICK, 5, 11, 0),
                record(70, "C", "B", 100 * TICK, 2, 12),
                record(80, "C", "A", 101 * TICK, 1, 2**64 - 2),
                record(90, "N", "N", NONE, 0, 0),
                record(95, "R", "N", NONE, 0, 0),
            )
        ]
    )
    assert rows(fed) == [
        (0, CLEAR, BID, 0, 0, 0),
        (0, ADD, BID, 100 * TICK, 5, 11),
        (0, ADD, ASK, 101 * TICK, 3, -2),
        (50, ADD, BID, 99 * TICK, 4, 12),
        (60, MODIFY, BID, 100 * TICK, 2, 12),
        (70, FILL, BID, 100 * TICK, 5, 11),
        (70, FILL, BID, 100 * TICK, 1, 12),
        (70, CANCEL, BID, 100 * TICK, 1, 12),
        (80, CANCEL, ASK, 101 * TICK, 1, -2),
        (95, CLEAR, BID, 0, 0, 0),
    ]
    assert (fed.messages, fed.odd, fed.gaps, fed.symbol) == (13, {}, 0, "MNQH6")
    assert fed.first_ns == DAY + 50


def test_a_later_cancel_is_no_fill(written):
    """A fill belongs to the cancel of its own event: without one it is counted, and the book stays."""
    fed = read_mbo(
        [
            written(
                record(1, "A", "B", TICK, 4, 1),
                record(2, "F", "B", TICK, 2, 1),
                record(3, "C", "B", TICK, 2, 1),
                record(4, "F", "B", TICK, 1, 1),
                record(4, "C", "B", TICK, 1, 1),
                record(4, "F", "B", TICK, 1, 1),
                record(4, "C", "B", TICK, 1, 1),
            )
        ]
    )
    assert [row[1:5:3] for row in rows(fed)] == [(ADD, 4), (CANCEL, 2), (FILL, 1), (FILL, 1)]
    assert fed.odd == {"fill without its cancel": 1}


@pytest.mark.parametrize("seed", range(5))
def test_the_book_is_that_of_the_documentation(written, seed):
    """Random trading: the replayed book is what A, C, M and R alone leave, and what F said is what was filled."""
    rng = np.random.default_rng(seed)
    lines, book, filled, number = [], {}, Counter(), 0
    for time in range(0, 3000, 10):
        draw = rng.random()
        if draw < 0.5 or not book:
            number += 1
            book[number] = ["BA"[int(rng.integers(2))], int(rng.integers(90, 110)) * TICK, int(rng.integers(1, 9))]
            lines.append(record(time, "A", *book[number], number))
            continue
        name = int(rng.choice(list(book)))
        side, price, left = book[name]
        size = int(rng.integers(1, left + 1))
        if draw < 0.65:
            book[name] = [side, int(rng.integers(90, 110)) * TICK, int(rng.integers(1, 9))]
            lines.append(record(time, "M", *book[name], name))
            continue
        if draw < 0.85:
            lines += [record(time, "T", "N", price, size, 0, 0), record(time, "F", side, price, size, name, 0)]
            filled[name] += size
        lines.append(record(time, "C", side, price, size, name))
        book[name][2] -= size
        if not book[name][2]:
            del book[name]
    fed = read_mbo([written(*lines)])
    found = replay(fed.events, cell=TICK, bin_ns=100)
    rests = zip(*(getattr(found.book, name).tolist() for name in ("order", "side", "price", "size")), strict=True)
    assert {name: ["BA"[side], price, size] for name, side, price, size in rests} == book
    events = fed.events
    said = Counter()
    for name, size in zip(events.order[events.action == FILL], events.size[events.action == FILL], strict=True):
        said[int(name)] += int(size)
    assert said == filled
    assert (fed.odd, found.odd) == ({}, {})


def frame() -> pl.DataFrame:
    """A few records as they are in DBN."""
    kinds = {"ts_recv": pl.UInt64, "ts_event": pl.UInt64, "order_id": pl.UInt64, "size": pl.UInt32, "flags": pl.UInt8}
    given = [line.split(",") for line in (*DAYBREAK, record(1_500, "A", "A", 6_250_500_000_001, 2, 77))]
    table = pl.DataFrame(given, schema=HEAD.split(","), orient="row")
    whole = ("price", "rtype", "publisher_id", "instrument_id", "channel_id", "ts_in_delta", "sequence")
    return table.cast(kinds | dict.fromkeys(whole, pl.Int64))


def pretty(table: pl.DataFrame) -> pl.DataFrame:
    """As people like to read it: fractions, no price where there is none, times as ISO 8601."""
    price = [None if price == NONE else f"{Decimal(price) / 10**9:f}" for price in table["price"]]
    times = [
        pl.Series(
            name,
            [f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z" for ns in table[name]],
        )
        for name in ("ts_recv", "ts_event")
    ]
    return table.with_columns(pl.Series("price", price), *times)


def save(table: pl.DataFrame, folder, how: str):
    """Write it in one of many ways."""
    path = folder / f"day.{how.split()[-1]}"
    if how == "pretty csv":
        pretty(table).write_csv(path)
    elif how == "csv.gz":
        path.write_bytes(gzip.compress(table.write_csv().encode()))
    elif how == "csv.zst":
        table.write_csv(path, compression="zstd")
    elif how == "csv":
        table.write_csv(path)
    elif how == "pretty parquet":
        shown = pretty(table).with_columns(
            pl.col("price").cast(pl.Float64),
            pl.from_epoch(table["ts_recv"].cast(pl.Int64), "ns").dt.replace_time_zone("UTC").alias("ts_recv"),
            pl.from_epoch(table["ts_event"].cast(pl.Int64), "ns").dt.replace_time_zone("UTC").alias("ts_event"),
        )
        shown.write_parquet(path)
    else:
        table.write_parquet(path)
    return path


@pytest.mark.parametrize("how", ["csv", "csv.gz", "csv.zst", "pretty csv", "parquet", "pretty parquet"])
def test_every_way_of_writing_is_read_the_same(tmp_path, how):
    """Whole numbers or fractions, nanoseconds or dates, packed or not."""
    fed = read_mbo([save(frame(), tmp_path, how)])
    assert rows(fed) == [
        (0, CLEAR, BID, 0, 0, 0),
        (0, ADD, BID, 100 * TICK, 5, 11),
        (0, ADD, ASK, 101 * TICK, 3, -2),
        (1_500, ADD, ASK, 6_250_500_000_001, 2, 77),
    ]


def test_files_follow_each_other(written):
    """The book goes on from file to file."""
    parts = written(*DAYBREAK, name="one.csv"), written(record(9, "C", "B", 100 * TICK, 5, 11), name="two.csv")
    fed = read_mbo(parts)
    assert len(replay(fed.events, cell=TICK, bin_ns=10).book.order) == 1
    with pytest.raises(UserError, match=r"one\.csv:2: time runs backwards"):
        read_mbo(parts[::-1])


def test_one_of_several_instruments_is_read(written):
    """Which one must be said; lines are those of the file all the same."""
    lines = (*DAYBREAK, record(5, "A", "B", TICK, 1, 5, symbol="MESH6"), record(6, "A", "B", "much", 1, 6))
    path = written(*lines)
    with pytest.raises(UserError, match="2 instruments: MESH6, MNQH6"):
        read_mbo([path])
    with pytest.raises(UserError, match="did you mean 'MNQH6'"):
        read_mbo([path], symbol="MNQH5")
    assert read_mbo([path], symbol="MESH6").messages == 1
    with pytest.raises(UserError, match=r"day\.csv:6: price is 'much', not a price"):
        read_mbo([path], symbol="MNQH6")


def test_a_gap_is_refused_and_counted_where_it_is_accepted(written):
    """The feed marks what follows one; a run of marks is one gap."""
    flags = (LAST, DOUBTFUL | LAST, DOUBTFUL | LAST, LAST, DOUBTFUL | LAST)
    path = written(*(record(time, "A", "B", TICK, 1, time, flag) for time, flag in enumerate(flags, 1)))
    with pytest.raises(UserError, match=r"day\.csv:3: messages before it are missing .*--gaps"):
        read_mbo([path])
    assert read_mbo([path], gaps=True).gaps == 2


def test_orders_without_a_side_or_a_price_are_counted(written):
    """They are left out, of the feed or of the book."""
    fed = read_mbo([written(record(1, "A", "N", TICK, 1, 1), record(2, "A", "B", NONE, 1, 2))])
    assert fed.odd == {"order without a side": 1}
    assert replay(fed.events, cell=TICK, bin_ns=10).odd == {"price out of range": 1}


WRONG = [
    (record(1, "X", "B", TICK, 1, 1), r"day\.csv:2: action is 'X', not one of A, C"),
    (record(1, "A", "B", "1.x", 1, 1), r"day\.csv:2: price is '1.x', not a price"),
    (record(1, "A", "B", TICK, "", 1), r"day\.csv:2: size is missing, not a number"),
    (record(1, "A", "B", TICK, 1, -4), r"day\.csv:2: order_id is '-4', not an order's number"),
    (record(1, "A", "B", TICK, 1, 4, TOP), r"day\.csv:2: a price level, not an order"),
    (record(1, "A", "B", TICK, 1, 4).replace(str(DAY + 1), "noon"), r"day\.csv:2: ts_recv is 'noon', not a time"),
    ("", "there are no messages"),
    (record(1, "A", "B", TICK, 1, 4) + ",1,2,3", "cannot read .*day.csv"),
]


@pytest.mark.parametrize(("line", "said"), WRONG)
def test_what_is_no_record_is_refused_with_file_and_line(written, line, said):
    """One line that names the place."""
    with pytest.raises(UserError, match=said) as caught:
        read_mbo([written(*filter(None, [line]))])
    assert "\n" not in str(caught.value)


def test_what_is_no_table_of_records_is_refused(written, tmp_path):
    """Columns that lack, with the nearest; other files."""
    with pytest.raises(UserError, match=r"day\.csv:1: there is no column 'order_id' \(did you mean 'orderid'\?\)"):
        read_mbo([written(*DAYBREAK, head=HEAD.replace("order_id", "orderid"))])
    (tmp_path / "day.parquet").write_text("no")
    with pytest.raises(UserError, match=r"cannot read .*day\.parquet"):
        read_mbo([tmp_path / "day.parquet"])
    with pytest.raises(UserError, match=r"neither \.csv"):
        read_mbo([tmp_path / "day.txt"])
    with pytest.raises(UserError, match="no column says what is traded"):
        read_mbo([written(*DAYBREAK, head=HEAD.replace("symbol", "x").replace("instrument_id", "y"))], symbol="MNQH6")
