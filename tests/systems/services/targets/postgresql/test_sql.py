"""Workloads yield the requests that their parameters say."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import pytest
from pydantic import ValidationError

from fairtrial.systems.services.targets.postgresql import sql
from fairtrial.systems.services.targets.postgresql.words import Postgres, workload


def first(count: int, *, client: int = 0, seed: int = 1, **given: Any) -> list[Any]:
    """Return the first requests of a client."""
    return list(islice(workload(Postgres(**given)).requests(client, seed), count))


def test_requests_are_those_of_the_seed() -> None:
    """The same seed gives the same requests; another seed or client gives others."""
    assert first(3000) == first(3000)
    assert first(10) != first(10, seed=2)
    assert first(10) != first(10, client=1)


def test_arguments_are_python_numbers_within_the_tables() -> None:
    """Nothing of numpy reaches the client library."""
    asked = first(5000, operation="transaction", scale=2)
    assert {type(value) for _, arguments in asked for value in arguments} == {int}
    tellers, branches, accounts, deltas = zip(*(arguments for _, arguments in asked), strict=True)
    assert (min(tellers), max(tellers)) == (1, 20)
    assert (min(branches), max(branches)) == (1, 2)
    assert min(accounts) >= 1
    assert 190_000 < max(accounts) <= 200_000
    assert min(deltas) >= -5000
    assert max(deltas) <= 5000


def test_a_mix_has_its_weights() -> None:
    """Operations come in the declared shares, each with its own arguments."""
    mix = {"update": 1.0, "select": 8.0, "insert": 1.0}
    asked = first(20_000, operation="mix", mix=mix)
    made = workload(Postgres(operation="mix", mix=mix)).operations
    assert [operation.name for operation in made] == ["insert", "select", "update"]
    shares = {made[index].name: count / len(asked) for index, count in Counter(index for index, _ in asked).items()}
    assert shares == pytest.approx({"insert": 0.1, "select": 0.8, "update": 0.1}, abs=0.01)
    assert all(index == prepared[0] for index, prepared in asked)
    assert {len(prepared[1]) for index, prepared in asked if made[index].name == "select"} == {1}


def test_the_seeds_mix_inserts_and_then_selects() -> None:
    """num_inserts inserts, then num_selects selects of rows that they made, and so on."""
    asked = first(24, operation="seed-mix", num_inserts=5, num_selects=3)
    assert [index for index, _ in asked] == [0, 0, 0, 0, 0, 1, 1, 1] * 3
    assert {prepared[1][0] for index, prepared in asked if index == 1} <= set(range(1, 6))


def test_without_preparing_requests_are_texts() -> None:
    """Literals stand where the parameters were, negative ones in brackets."""
    statement = sql.Statement("UPDATE t SET a = a - $2 WHERE k = $1 AND b <> $2", (1, 0))
    assert statement.literal((-7, 12)) == "UPDATE t SET a = a - (-7) WHERE k = (12) AND b <> (-7)"
    ((_, (text,)),) = first(1, prepared=False)
    assert text.startswith(sql.SELECT.removesuffix("$1"))


def test_own_statements_draw_from_their_ranges() -> None:
    """Both ends are drawn; a statement without parameters gets none."""
    asked = first(
        500, operation="sql", sql="SELECT $1::int * $2::int", parameters=[{"low": -1, "high": 1}, {"high": 2}]
    )
    assert {arguments for _, arguments in asked} == {(a, b) for a in (-1, 0, 1) for b in (1, 2)}
    assert first(2, operation="sql", sql="SELECT 1") == [(0, ()), (0, ())]
    assert first(1, operation="sql", sql="SELECT 1", prepared=False) == [(0, ("SELECT 1",))]


@pytest.mark.parametrize(
    ("operation", "writes"),
    [("select", "nothing"), ("insert", "history"), ("update", "everything"), ("transaction", "everything")],
)
def test_what_is_written_is_known(operation: str, writes: str) -> None:
    """The most that any operation changes decides what is restored."""
    assert workload(Postgres.model_validate({"operation": operation})).writes == writes
    assert workload(Postgres.model_validate({"operation": "mix", "mix": {"select": 9, operation: 1}})).writes == writes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"server": "attach"}, "server: attach needs dsn"),
        ({"server": "attach", "dsn": {"secret": "DSN"}, "settings": {"fsync": False}}, "settings does nothing unless"),
        ({"server": "attach", "dsn": {"secret": "DSN"}, "port": 0}, "port does nothing unless server is embedded"),
        ({"dsn": {"secret": "DSN"}}, "dsn does nothing unless server is attach"),
        ({"server": "attach", "dsn": "postgresql://u:pw@h/d"}, "never as its value"),
        ({"operation": "mix"}, "operation: mix needs mix:"),
        ({"operation": "mix", "mix": {"select": 0}}, "operation: mix needs mix:"),
        ({"operation": "mix", "mix": {"delete": 1}}, "'select', 'insert', 'update' or 'transaction'"),
        ({"mix": {"select": 1}}, "mix does nothing unless operation is mix"),
        ({"num_inserts": 5}, "num_inserts does nothing unless operation is seed-mix"),
        ({"operation": "sql"}, "operation: sql needs sql: a statement"),
        ({"sql": "SELECT 1"}, "sql does nothing unless operation is sql"),
        ({"operation": "sql", "sql": "SELECT $1, $3"}, "the statements have 3 parameters"),
        ({"operation": "sql", "sql": "SELECT $1", "parameters": [{"low": 2, "high": 1}]}, "high .1. is below low .2."),
        ({"scale": 0}, "operation: select needs scale of at least 1"),
        ({"setings": {}}, "Extra inputs are not permitted"),
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, Any], said: str) -> None:
    """Knobs that would do nothing, and what is missing, are told before anything starts."""
    with pytest.raises(ValidationError, match=said) as caught:
        Postgres.model_validate(given)
    assert "pw" not in str(caught.value.errors(include_input=False))


def test_parameters_survive_the_way_to_a_generator() -> None:
    """They are sent as JSON, and mean the same there."""
    given = Postgres(
        operation="sql", sql=["SELECT $1::int", "SELECT 1"], parameters=[{"high": 3}], settings={"fsync": False}
    )
    assert Postgres.model_validate(given.model_dump(mode="json")) == given
