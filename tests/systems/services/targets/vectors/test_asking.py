"""Tests of the requests to a vector store."""

from __future__ import annotations

from itertools import islice

from fairtrial.systems.services.targets.vectors.asking import Asking
from fairtrial.systems.services.targets.vectors.words import Vectors


def asking(**given) -> Asking:
    words = Vectors(**{"vectors": 200, "dimension": 4, "clusters": 3, "queries": 10, "batch": 5, **given})
    return Asking(
        words,
        ask=lambda vector, truth: ("ask", tuple(vector.tolist()), truth),
        add=lambda client, numbers, vectors: ("add", client, numbers, tuple(vectors[:, 0].tolist())),
    )


def test_requests_are_the_same_for_the_same_seed_and_client():
    """Another seed or another client asks in another order."""
    told = {key: list(islice(asking().requests(*key), 30)) for key in ((0, 1), (1, 1), (0, 2))}
    assert list(islice(asking().requests(0, 1), 30)) == told[0, 1]
    assert told[0, 1] != told[1, 1] != told[0, 2]


def test_every_query_of_the_pool_is_asked_before_one_is_repeated():
    """Ten requests of a pool of ten are ten different ones, each with its truth."""
    first = list(islice(asking().requests(3, 1), 10))
    assert len(set(first)) == 10
    assert all(op == 0 and len(truth) == 10 for op, (_, _, truth) in first)


def test_clients_ingest_under_numbers_of_their_own():
    """A client's numbers go on from batch to batch; its own number is part of every request."""
    batches = list(islice(asking(operation="ingest").requests(7, 1), 4))
    assert [list(numbers) for _, (_, _, numbers, _) in batches] == [list(range(n, n + 5)) for n in (0, 5, 10, 15)]
    assert {client for _, (_, client, _, _) in batches} == {7}
    assert {op for op, _ in batches} == {0}


def test_a_mix_holds_its_share_of_ingests_and_no_truth():
    """Queries have index 0 and no truth, as new vectors arrive meanwhile; a quarter of the requests ingest."""
    drawn = list(islice(asking(operation="mix", ingest_share=0.25).requests(0, 1), 4000))
    added = [what for op, what in drawn if op == 1]
    assert 0.22 < len(added) / 4000 < 0.28
    assert {what[0] for what in added} == {"add"}
    assert {what[2] for op, what in drawn if op == 0} == {None}
