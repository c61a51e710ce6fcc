"""The operations of a database under load, as SQL with numbered parameters and how these are drawn."""

# ruff: noqa: S608
# (what is put into statements here are names of our own and numbers)

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, repeat
from typing import TYPE_CHECKING, Any, Literal

from fairtrial.systems.services.target import Request

if TYPE_CHECKING:
    import numpy as np

Writes = Literal["nothing", "history", "everything"]
"""What of our tables an operation changes, and so what the next repetition must restore."""

SCHEMA = "fairtrial"
TELLERS, ACCOUNTS = 10, 100_000
"""Rows for each branch: the tables are pgbench's, and so is their scale."""
DELTA = 5000
CHUNK = 1024
"""Requests drawn at a time: a few hundred microseconds of work."""

SELECT = f"SELECT abalance FROM {SCHEMA}.pgbench_accounts WHERE aid = $1"
UPDATE = f"UPDATE {SCHEMA}.pgbench_accounts SET abalance = abalance + $2 WHERE aid = $1"
TELLER = f"UPDATE {SCHEMA}.pgbench_tellers SET tbalance = tbalance + $2 WHERE tid = $1"
BRANCH = f"UPDATE {SCHEMA}.pgbench_branches SET bbalance = bbalance + $2 WHERE bid = $1"
INSERT = (
    f"INSERT INTO {SCHEMA}.pgbench_history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)"
)
STRESS_INSERT = f"INSERT INTO {SCHEMA}.stress_test (value, data) VALUES ($1::int, 'test data ' || $1::int)"
STRESS_SELECT = f"SELECT id, value, data FROM {SCHEMA}.stress_test WHERE id = $1"

Columns = Callable[["np.random.Generator", int], Sequence["np.ndarray"]]
"""Generator and how many requests -> one array of whole numbers for each argument."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, and which of the request's arguments are its $1, $2 and so on."""

    text: str
    picks: tuple[int, ...]

    def literal(self, arguments: Sequence[int]) -> str:
        """Write the arguments into the text, as a client without prepared statements does."""
        return re.sub(r"\$(\d+)", lambda found: f"({arguments[self.picks[int(found[1]) - 1]]})", self.text)


@dataclass(frozen=True, slots=True)
class Operation:
    """What one request does: a statement that commits by itself, or several in one transaction."""

    name: str
    statements: tuple[Statement, ...]
    draw: Columns
    writes: Writes = "nothing"
    rows: bool = False
    """All rows of the answer are fetched, not only the first (which is the only one of a select by key)."""

    @property
    def transaction(self) -> bool:
        """Say whether statements are bracketed by BEGIN and COMMIT."""
        return len(self.statements) > 1


def bank(name: str, scale: int, keys: Callable[[Any, int], Any]) -> Operation:
    """Make one of pgbench's operations: select, insert, update, or transaction (its TPC-B-like script)."""

    def account(rng: np.random.Generator, size: int) -> Sequence[np.ndarray]:
        return (keys(rng, size),)

    def change(rng: np.random.Generator, size: int) -> Sequence[np.ndarray]:
        return (keys(rng, size), rng.integers(-DELTA, DELTA + 1, size))

    def whole(rng: np.random.Generator, size: int) -> Sequence[np.ndarray]:
        branch = rng.integers(1, scale + 1, size)
        return (rng.integers(1, scale * TELLERS + 1, size), branch, *change(rng, size))

    insert = Statement(INSERT, (0, 1, 2, 3))
    script = (
        Statement(UPDATE, (2, 3)),
        Statement(SELECT, (2,)),
        Statement(TELLER, (0, 3)),
        Statement(BRANCH, (1, 3)),
        insert,
    )
    made = {
        "select": Operation("select", (Statement(SELECT, (0,)),), account),
        "insert": Operation("insert", (insert,), whole, "history"),
        "update": Operation("update", (Statement(UPDATE, (0, 1)),), change, "everything"),
        "transaction": Operation("transaction", script, whole, "everything"),
    }
    return made[name]


def stress(inserts: int) -> tuple[Operation, Operation]:
    """Make the two operations on the table `stress_test`: an insert, and a select of one of the first rows by key."""

    def values(rng: np.random.Generator, size: int) -> Sequence[np.ndarray]:
        return (rng.integers(0, 2**31, size),)

    def ids(rng: np.random.Generator, size: int) -> Sequence[np.ndarray]:
        return (rng.integers(1, inserts + 1, size),)

    return (
        Operation("insert", (Statement(STRESS_INSERT, (0,)),), values, "everything"),
        Operation("select", (Statement(STRESS_SELECT, (0,)),), ids),
    )


def own(texts: Sequence[str], ranges: Sequence[tuple[int, int]]) -> Operation:
    """Make an operation of somebody's own statements; what they write is not known, so all is restored."""

    def numbers(rng: np.random.Generator, size: int) -> Sequence[np.ndarray]:
        return [rng.integers(low, high + 1, size) for low, high in ranges]

    made = tuple(Statement(text, tuple(range(most(text)))) for text in texts)
    return Operation("sql", made, numbers, "everything", rows=True)


def most(text: str) -> int:
    """Return the highest number of a $1-like parameter in a statement; 0 without one."""
    return max((int(number) for number in re.findall(r"\$(\d+)", text)), default=0)


@dataclass(frozen=True, slots=True)
class Workload:
    """The operations of a target, and in which order a client issues them."""

    operations: tuple[Operation, ...]
    weights: tuple[float, ...] = ()
    """Probability of each, for a random mix."""
    runs: tuple[int, ...] = ()
    """How many of each come one after the other, round and round; () for a random mix."""
    prepared: bool = True

    @property
    def writes(self) -> Writes:
        """Return the most that any operation changes."""
        order: tuple[Writes, ...] = ("nothing", "history", "everything")
        return max((operation.writes for operation in self.operations), key=order.index)

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Yield the requests of a client, endlessly: operation, and what `Session.call` takes."""
        import numpy as np

        rng = np.random.default_rng([seed, client])
        pools = [self._pool(index, rng) for index in range(len(self.operations))]
        if len(pools) == 1:
            return zip(repeat(0), pools[0])
        return ((index, (index, next(pools[index]))) for index in self._order(rng))

    def _order(self, rng: np.random.Generator) -> Iterator[int]:
        if self.runs:
            yield from cycle([index for index, count in enumerate(self.runs) for _ in range(count)])
        share = [weight / sum(self.weights) for weight in self.weights]
        while True:
            yield from rng.choice(len(share), CHUNK, p=share).tolist()

    def _pool(self, index: int, rng: np.random.Generator) -> Iterator[Any]:
        """Yield an operation's arguments: a tuple, or the texts of the statements where nothing is prepared."""
        operation = self.operations[index]
        while True:
            columns = [column.tolist() for column in operation.draw(rng, CHUNK)]
            chunk = zip(*columns, strict=True) if columns else repeat((), CHUNK)
            yield from chunk if self.prepared else (texts(operation, arguments) for arguments in chunk)


def texts(operation: Operation, arguments: Sequence[int]) -> tuple[str, ...]:
    """Write a request as plain SQL, one text for each statement."""
    return tuple(statement.literal(arguments) for statement in operation.statements)


def mixed(weights: Mapping[Any, float]) -> tuple[tuple[str, float], ...]:
    """Return the operations of a mix with their weights, in an order that does not depend on how they were written."""
    return tuple(sorted((name, weight) for name, weight in weights.items() if weight > 0))
