"""Choosing CPUs: workers on the first ones, the submitter apart where there is room, never more than there are."""

from __future__ import annotations

import os

import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.real.place import Place, place


@pytest.fixture
def allowed(monkeypatch):
    """Let the process use these CPUs."""

    def set_to(numbers):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(numbers), raising=False)

    return set_to


def test_apart(allowed):
    """With a CPU left over the submitter gets the next one, of those that the process may use."""
    allowed({3, 9, 4})
    assert place(2) == Place(workers=(3, 4), submitter=(9,), apart=True, kept=True)


def test_shared(allowed):
    """With none left over it shares the workers', and this is said."""
    allowed({1, 2})
    assert place(2) == Place(workers=(1, 2), submitter=(1, 2), apart=False, kept=True)


def test_too_many(allowed):
    """More cores than the process may use: one line, exit 2, that names how many there are and what to do."""
    allowed({0, 5})
    with pytest.raises(UserError) as mistake:
        place(8)
    assert str(mistake.value) == (
        "machine.cores: 8 asked for, and this process may use 2 of this machine's CPUs "
        "(give machine.cores: 2 or fewer; engine: simulated takes any number)"
    )


def test_where_threads_cannot_be_kept(monkeypatch):
    """Where the system keeps threads nowhere, a pool may have all CPUs or none."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert place(4) == Place(workers=(0, 1, 2, 3), submitter=(0, 1, 2, 3), apart=False, kept=False)
    with pytest.raises(UserError, match="cannot keep threads"):
        place(3)
