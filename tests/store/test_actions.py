"""The action log is a chain: what was changed, taken out or cut off is noticed."""

from __future__ import annotations

import pytest

from fairtrial.model.event import Acted


@pytest.fixture
def log(book, journal):
    """Four actions, from the book and from a driver."""
    book.act("run", why="to see", command=["fairtrial", "run"], detail={"jobs": 2, "x": 0.1}, run=1)
    journal.append([Acted("pause", 5.5, who="web", run=1, detail={"a": [1, None]})])
    book.act("note", why="été \udcff", command=["a\udcffb"])
    book.act("resume", run=1)
    return book


def test_read(log):
    """Actions come oldest first, whole or of one run, with who did them."""
    actions = log.ledger.actions()
    assert [action["verb"] for action in actions] == ["run", "pause", "note", "resume"]
    assert actions[0]["command"] == ["fairtrial", "run"]
    assert actions[0]["detail"] == {"jobs": 2, "x": 0.1}
    assert actions[0]["who"]
    assert (actions[1]["who"], actions[1]["at"], actions[1]["detail"]) == ("web", 5.5, {"a": [1, None]})
    assert actions[2]["why"].startswith("été")
    assert [action["verb"] for action in log.ledger.actions(run=1)] == ["run", "pause", "resume"]
    assert log.ledger.verify() == []


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE action SET why = 'for fun' WHERE id = 2", "row 2 was changed"),
        ("UPDATE action SET detail = 'not json' WHERE id = 2", "row 2 was changed"),
        ("UPDATE action SET at = at + 1 WHERE id = 4", "row 4 was changed"),
        ("DELETE FROM action WHERE id = 2", r"1 row\(s\) missing before row 3"),
        ("DELETE FROM action WHERE id = 1", r"1 row\(s\) missing before row 2"),
        ("DELETE FROM action WHERE id > 2", r"2 row\(s\) missing at its end"),
        ("DELETE FROM action", r"4 row\(s\) missing at its end"),
        ("UPDATE book SET head = x'00'", "its last row is not the one"),
        ("UPDATE action SET previous = x'00' WHERE id = 3", "row 3 does not follow"),
        (
            "INSERT INTO action SELECT 5, 1.0, '', '', '', '[]', 1, '{}', previous, digest FROM action LIMIT 1",
            "more than",
        ),
    ],
)
def test_tampering(log, tampering, said):
    """Every way to change the log is told by `verify`."""
    import re

    log._connection.rows(tampering)
    assert any(re.search(said, line) for line in log.ledger.verify()), log.ledger.verify()
