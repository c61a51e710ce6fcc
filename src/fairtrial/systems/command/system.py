"""A command as a system: placeholders filled with parameters, a JSON object printed or written as metrics."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from fairtrial.contract.system import Context, Target
from fairtrial.errors import UserError, nearest
from fairtrial.model.identity import digest_bytes
from fairtrial.model.study import ABSENT, Metric, is_absent
from fairtrial.systems.command.program import Program
from fairtrial.systems.command.words import Words, check, read


def bind(value: Any, folder: Path, options: Mapping[str, Any]) -> Command:
    """Make a system of a command: a list of words, a string (split without a shell), or a mapping.

    The mapping has `command`, and may have `shell: true` (a string for /bin/sh; values are quoted), `env` (NAME ->
    template or secret) and `live`. `options` are the study's words: code, code_files, live, parameters (the base),
    factors (paths). Raises UserError for a program that does not exist, and where the command and factors do not fit.
    """
    words = read(value)
    base, factors = options.get("parameters"), options.get("factors")
    check(words, base, factors)
    here = folder.resolve()
    if not words.shell:
        _program(words, here)
    tops = [path.partition(".")[0] for path in words.parameters]
    return Command(
        name=_name(words),
        Parameters=_model(tops, [*(base or {}), *(path.partition(".")[0] for path in factors or ())]),
        live=words.live or bool(options.get("live")),
        words=words,
        folder=here,
        code=str(options.get("code") or "source"),
        code_files=tuple(options.get("code_files") or ()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command as a system."""

    name: str
    Parameters: type[Any]
    live: bool
    words: Words
    folder: Path
    code: str
    code_files: tuple[str, ...]
    version: str = "1"
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    """None of its own: the study names them."""

    def run(self, parameters: Any, context: Context) -> Mapping[str, float]:
        """Run the program from here and wait for it; engines exec it themselves, by `target`."""
        program = Program(self.target().config)
        launch = program.prepare(parameters.model_dump(mode="json"), context)
        done = subprocess.run(
            launch.argv, env={**os.environ, **launch.env}, cwd=launch.folder, stdout=subprocess.PIPE, check=True
        )
        return program.collect(stdout_tail=done.stdout[-65536:], scratch=context.scratch)

    def target(self) -> Target:
        """Say what the worker execs."""
        config = {
            "argv": [template.text for template in self.words.argv],
            "env": {name: template.text for name, template in self.words.env.items()},
            "secrets": dict(self.words.secrets),
            "shell": self.words.shell,
            "folder": str(self.folder),
        }
        return Target(
            entry="fairtrial.systems.command.program:Program", config=config, folder=str(self.folder), executes=True
        )

    def identity(self) -> Mapping[str, Any]:
        """Return the command line as declared, and the digests of its program and of arguments that are files."""
        return {
            "command": [template.text for template in self.words.argv],
            "shell": self.words.shell,
            "env": {name: template.text for name, template in self.words.env.items()} | dict(self.words.secrets),
            "code": self._code(),
        }

    def _code(self) -> dict[str, str]:
        if self.code == "version":
            return {"version": self.version}
        if self.code == "files":
            return dict(_digest(name, self._listed(name)) for name in self.code_files)
        found = {name: path for name in self._arguments() if (path := self.folder / name).is_file()}
        if not self.words.shell:
            program = self.words.argv[0].text
            located = shutil.which(program) if os.sep not in program else None
            found |= {program: Path(located)} if located else {}
        return dict(_digest(name, path) for name, path in sorted(found.items()))

    def _listed(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            known = (item.name for item in self.folder.iterdir())
            raise UserError(f"code: files: {name!r} is not a file", hint=nearest(name, known))
        return path

    def _arguments(self) -> Iterator[str]:
        """Words of the command line without placeholders, and what follows `=` in them."""
        texts = [template.text for template in self.words.argv]
        words: Iterable[str] = _shell_words(texts[0]) if self.words.shell else texts
        for word in words:
            yield from (part for part in (word, word.partition("=")[2]) if part and "{" not in part)


def _model(required: list[str], optional: list[str]) -> type[BaseModel]:
    """Parameters of a command: any JSON; what the study does not set is absent, not null."""
    for name in (*required, *optional):
        if name.startswith("_") or (name.startswith("model_") and hasattr(BaseModel, name)):
            raise UserError(f"command: {name!r} cannot be a parameter's name", hint="rename it")
    unset = Field(default_factory=lambda: ABSENT, exclude_if=is_absent)  # no plain default: JSON Schema has no such
    fields: dict[str, Any] = dict.fromkeys(optional, (Any, unset)) | dict.fromkeys(required, (Any, ...))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*shadows an attribute", category=UserWarning)
        config = ConfigDict(extra="forbid", protected_namespaces=())
        return create_model("Parameters", __config__=config, **fields)


def _shell_words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError as problem:
        raise UserError(f"command: {line!r} cannot be split into words: {problem}") from problem


def _name(words: Words) -> str:
    text = words.argv[0].text
    return Path(text.split()[0] if words.shell else text).name


def _program(words: Words, folder: Path) -> None:
    """Refuse a program that is not there, before anything starts."""
    name = words.argv[0].text
    if words.argv[0].names or "PATH" in words.env:
        return
    if os.sep not in name:
        if shutil.which(name):
            return
        here = f"write ./{name}" if (folder / name).is_file() else "it is not on the PATH"
        raise UserError(f"command: there is no program {name!r}", hint=here)
    path = folder / name
    if not path.is_file():
        siblings = path.parent.iterdir() if path.parent.is_dir() else ()
        files = [file.name for file in siblings if file.is_file() and not file.name.startswith(".")]
        raise UserError(f"command: there is no {name!r} in {folder}", hint=nearest(path.name, files))
    if not os.access(path, os.X_OK):
        raise UserError(f"command: {name!r} cannot be executed", hint=f"chmod +x {name}")


def _digest(name: str, path: Path) -> tuple[str, str]:
    """A name that says nothing of where the study lies, and the digest of the file."""
    return (Path(name).name if Path(name).is_absolute() else name), digest_bytes(path.read_bytes()).hex()
