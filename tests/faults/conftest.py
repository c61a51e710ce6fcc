"""A workshop for faults: a fresh folder, studies written in a line, and the real command in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 120.0


@dataclass
class Workshop:
    """A folder in which studies are written and commands typed; everything started there carries a token."""

    folder: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def write(self, code: str, **study: Any) -> None:
        """Write `subject.py`, and `study.yaml` with the system `subject:f` and one metric y unless told otherwise."""
        (self.folder / "subject.py").write_text(textwrap.dedent(code))
        self.declare(**study)

    def declare(self, **study: Any) -> None:
        """Write `study.yaml` alone."""
        document = {
            "study": "faults",
            "system": {"python": "subject:f"},
            "factors": {"x": [1, 2, 3]},
            "metrics": {"y": "maximize"},
            "code": "version",
            "parallel": {"jobs": 2},
        }
        (self.folder / "study.yaml").write_text(json.dumps(document | study))

    def start(self, *words: str, prefix: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[str]:
        """Start a verb and return its process; `prefix` stands before the command (`taskset -c 0`)."""
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "fairtrial", *words],
            cwd=self.folder,
            env={**os.environ, "FAULTS_TOKEN": self.token, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def type(self, *words: str, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """Type a verb, wait for it, and hold it to an exit code."""
        process = self.start(*words, **more)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == code, f"{words} exits {process.returncode}, not {code}:\n{out}\n{err}"
        return subprocess.CompletedProcess(words, code, out, err)

    def refuse(self, *words: str, code: int) -> str:
        """Type a verb that must be refused with an exit code and one line; return the line."""
        said = self.type(*words, code=code)
        lines = said.stderr.splitlines()
        assert len(lines) == 1, said.stderr
        return lines[0]

    def data(self, *words: str, **more: Any) -> Any:
        """Type a reading verb with --json and return what it says."""
        return json.loads(self.type(*words, "--json", **more).stdout)["data"]

    def trials(self, run: int = 1) -> list[dict[str, Any]]:
        """Return the trials of a run, as `show` says them."""
        return list(self.data("show", str(run), "--limit", "10000")["trials"])

    def attempts(self, trial: str) -> list[dict[str, Any]]:
        """Return the attempts of a trial (`1.3`), oldest first."""
        return list(self.data("show", trial)["attempts"])

    def processes(self) -> list[int]:
        """Return the living processes that were started here; skips the rest of a test where there is no /proc."""
        if not Path("/proc/self/environ").exists():
            pytest.skip("what is left behind is looked for in Linux's /proc")
        return sorted(_carrying(f"FAULTS_TOKEN={self.token}"))


def _carrying(text: str) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        try:
            dead = folder.name.isdigit() and "State:\tZ" in (folder / "status").read_text()
            if folder.name.isdigit() and not dead and text.encode() in (folder / "environ").read_bytes():
                yield int(folder.name)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """A workshop in a fresh folder."""
    return Workshop(tmp_path)


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A second workshop, with a book of its own."""
    return Workshop(tmp_path_factory.mktemp("other"))


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Mount as root until the test ends (`mount("-t", "tmpfs", …)`); skips where that is not permitted."""
    mounted: list[str] = []

    def do(*words: str) -> None:
        result = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
        if result.returncode:
            pytest.skip(f"needs the right to mount: {result.stderr.strip()}")
        mounted.append(words[-1])

    yield do
    for place in reversed(dict.fromkeys(mounted)):
        subprocess.run(["umount", "--lazy", place], check=True)
