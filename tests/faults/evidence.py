"""What a round leaves to look at: the subject's side log, the book as a reader sees it, the table as it is exported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from fairtrial.errors import FairtrialError
from fairtrial.store.book import open_book

NOT_SHARED = ("wall_s", "cpu_s", "peak_bytes", "trial")
"""Columns that two runs do not share: what was used, and the order in which trials first got a process."""

Key = tuple[int, int]
"""A trial: its x and its seed."""


class Evidence:
    """Reads a study's folder from outside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "side.log"

    def side(self, word: str) -> list[tuple[int, ...]]:
        """Return the side log's lines of a kind (began, ended, grand), as numbers; pids as in the trial's namespace."""
        try:
            lines = self.log.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [tuple(map(int, line.split()[1:])) for line in lines if line.startswith(word)]

    def settled(self) -> dict[Key, list[Any]]:
        """Return what the book holds as settled: trial -> [status, attempt, metrics]; nothing where there is no run."""
        try:
            book = open_book(self.folder / ".fairtrial", write=False)
        except FairtrialError:
            return {}
        try:
            rows = book.ledger.trials(book.ledger.run().number)
        except FairtrialError:
            return {}
        finally:
            book.close()
        return {
            (row.assignment["x"], row.seed): [str(row.status), row.attempt, dict(row.metrics)]
            for row in rows
            if row.status is not None
        }

    def ask(self, *words: str) -> int:
        """Run a verb and return its exit code."""
        command = [sys.executable, "-m", "fairtrial", *words]
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode

    def table(self) -> list[dict[str, Any]]:
        """Return the table of run 1 as it is exported, less what two runs do not share.

        Trials are numbered 1, 2, 3 … in the order in which they first got a process: a kill may change that order,
        but leaves no gap.
        """
        if self.ask("export", "1", "--format", "json", "-o", "exported"):
            return []
        rows = json.loads((self.folder / "exported/trials.json").read_text())
        if sorted(row["trial"] for row in rows) != list(range(1, len(rows) + 1)):
            return []
        return [{name: value for name, value in row.items() if name not in NOT_SHARED} for row in rows]
