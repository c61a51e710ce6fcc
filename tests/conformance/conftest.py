"""Makes the systems of `tests/cases` importable, here and in workers."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the folder of `cases` on the import path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
