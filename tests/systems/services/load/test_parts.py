"""Parts of records: written whole or not at all; their union loses nothing, and merging twice changes nothing."""

from __future__ import annotations

import errno
import resource
import signal

import numpy as np
import pytest

from fairtrial.systems.services.load.parts import merge, read, write
from fairtrial.systems.services.record import COLUMNS, Records, blank


def part(worker: int, clients, seed: int = 0) -> Records:
    """Make records of several clients, with gaps and errors of their own."""
    rng = np.random.default_rng([seed, worker])
    size = [int(rng.integers(1, 40)) for _ in clients]
    count = sum(size)
    gaps = rng.integers(0, 3, count)
    errors = tuple(rng.permutation(["reset", "refused", "timeout"])[:2].tolist())
    return blank(
        count,
        worker=np.full(count, worker),
        client=np.repeat(list(clients), size),
        seq=np.concatenate([np.arange(n) for n in size]),
        t_sched_ns=rng.integers(1, 10**9, count),
        error=rng.integers(-1, 2, count),
        op=rng.integers(0, 2, count),
        recall=rng.random(count),
        gaps=gaps,
        gap=rng.integers(1, 100, gaps.sum()),
        ops=("read", "write") if worker % 2 else ("write", "read"),
        errors=errors,
        begin_ns=100,
        end_ns=200,
    )


def rows(records: Records) -> set[tuple[object, ...]]:
    """Return every request as plain values, names and gaps resolved."""
    ends = np.cumsum(records.gaps)
    return {
        (
            int(records.worker[at]),
            int(records.client[at]),
            int(records.seq[at]),
            int(records.t_sched_ns[at]),
            records.ops[records.op[at]],
            records.errors[records.error[at]] if records.error[at] >= 0 else "",
            tuple(records.gap[ends[at] - records.gaps[at] : ends[at]].tolist()),
        )
        for at in range(len(records))
    }


def same(one: Records, other: Records) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name == "recall") for name in COLUMNS)


def test_sixteen_clients_in_sixteen_files(tmp_path):
    """Sixteen clients write sixteen files; their merge has every request with its own values, in order."""
    parts = [part(worker, [worker]) for worker in range(16)]
    for worker, records in enumerate(parts):
        write(records, tmp_path / f"{worker}.npz")
    merged = merge([read(tmp_path / f"{worker}.npz") for worker in range(16)])
    assert len(merged) == sum(map(len, parts))
    assert rows(merged) == set().union(*map(rows, parts))
    assert merged.client.tolist() == sorted(merged.client.tolist())
    assert (merged.begin_ns, merged.end_ns) == (100, 200)


def test_merge_is_idempotent_and_has_no_order():
    """Merging a merge, a part twice, or the parts in another order gives the same."""
    parts = [part(worker, range(worker, 12, 3)) for worker in range(3)]
    merged = merge(parts)
    assert same(merge([merged]), merged)
    assert same(merge([*parts, parts[1]]), merged)
    assert same(merge([merged, *parts]), merged)
    assert rows(merge(parts[::-1])) == rows(merged)


def test_requests_that_were_never_sent_stay_apart():
    """Shed requests of two processes, which have no client, are told apart by process and number."""
    shed = [blank(3, worker=[worker] * 3, client=[-1] * 3, seq=np.arange(worker, 6, 2)) for worker in range(2)]
    assert len(merge([*shed, *shed])) == 6


def test_nothing_merges_to_nothing():
    """No parts, or empty ones, are no requests."""
    assert len(merge([])) == 0
    assert len(merge([blank(0), blank(0)])) == 0


def test_read_gives_what_was_written(tmp_path):
    """A file keeps all columns, names and instants."""
    records = part(3, [1, 2])
    write(records, tmp_path / "one.npz")
    again = read(tmp_path / "one.npz")
    assert same(records, again)
    assert (again.ops, again.errors, again.begin_ns, again.end_ns) == (records.ops, records.errors, 100, 200)


def test_full_disk_leaves_nothing_behind(tmp_path):
    """Where the disk takes no more, OSError goes through and no file is left, half or whole."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write(blank(100_000), tmp_path / "one.npz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []
