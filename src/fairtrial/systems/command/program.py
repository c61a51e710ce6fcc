"""What a worker runs for a command: it says what to exec, and reads the metrics of a program that exited 0."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairtrial.contract.system import Context, Launch
from fairtrial.errors import BadResult, UserError
from fairtrial.model.path import get
from fairtrial.model.secret import Secret, is_reference, references
from fairtrial.systems.command.template import parse, written

CONFIG = "config.json"
"""`{config}`: every parameter, as JSON, in the attempt's scratch folder."""
OUT = "metrics.json"
"""`{out}`: where the program may write its metrics, in the attempt's scratch folder."""
_TAIL_BYTES = 65536
_MISSING = object()


class Program:
    """A command as an Exec; `config` is what `Command.target` put there."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._argv = [parse(text) for text in config["argv"]]
        self._env = {name: parse(text) for name, text in config["env"].items()}
        self._secrets = {name: Secret(where) for name, where in config["secrets"].items()}
        self._shell, self._folder = bool(config["shell"]), str(config["folder"])

    def prepare(self, parameters: Mapping[str, Any], context: Context) -> Launch:
        """Fill in the command line. Raises UserError where a placeholder has no value, or an argument is a secret."""
        fill = _Fill(parameters, context)
        quote = shlex.quote if self._shell else str
        argv = [template.render(lambda name: quote(fill.argument(name))) for template in self._argv]
        env = {name: template.render(fill.variable) for name, template in self._env.items()}
        env |= {name: secret.reveal() for name, secret in self._secrets.items()}
        env.setdefault("FAIRTRIAL_OUT", str(context.scratch / OUT))
        return Launch(argv=["/bin/sh", "-c", *argv] if self._shell else argv, env=env, folder=self._folder)

    def collect(self, *, stdout_tail: bytes, scratch: Path | None) -> Mapping[str, Any]:
        """Read the `{out}` file where there is one, else the last line of stdout. Raises BadResult, one line."""
        file = scratch / OUT if scratch else None
        if file and file.is_file():
            return _metrics(file.read_bytes(), "the {out} file")
        lines = stdout_tail.rstrip().rsplit(b"\n", 1)
        if not lines[-1].strip():
            raise BadResult(
                "no metrics: stdout is empty and {out} was not written",
                hint='print a JSON object such as {"loss": 0.1} on the last line',
            )
        if len(lines) == 1 and len(stdout_tail) >= _TAIL_BYTES:
            raise BadResult("no metrics: the last line of stdout is longer than 64 kB", hint="write them to {out}")
        return _metrics(lines[-1], "the last line of stdout")


class _Fill:
    """Placeholder -> text, for one trial."""

    def __init__(self, parameters: Mapping[str, Any], context: Context) -> None:
        self._parameters, self._context = parameters, context
        self._made: Mapping[str, Callable[[], str]] = {
            "config": self._config,
            "seed": lambda: str(context.seed),
            "out": lambda: str(context.scratch / OUT),
        }

    def argument(self, name: str) -> str:
        """Text for the command line, which other users of the machine can read."""
        value = self._value(name)
        for secret in references(value):
            raise UserError(f"command: {{{name}}} is {secret!r} and would show in the process list", hint="use env")
        return written(value)

    def variable(self, name: str) -> str:
        """Text for the environment: a secret is revealed here."""
        value = self._value(name)
        return Secret(value).reveal() if is_reference(value) else written(value)

    def _value(self, name: str) -> Any:
        if name in self._made:
            return self._made[name]()
        if name.startswith("inputs."):
            return str(self._context.inputs[name.removeprefix("inputs.")])
        value = get(self._parameters, name, _MISSING)
        if value is _MISSING:
            raise UserError(f"command: {{{name}}} has no value in this trial", hint=f"set {name} in base")
        return value

    def _config(self) -> str:
        path = self._context.scratch / CONFIG
        path.write_text(json.dumps(self._parameters, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return str(path)


def _metrics(data: bytes, where: str) -> Mapping[str, Any]:
    text = data.decode(errors="replace").strip()
    try:
        found = json.loads(text)
    except ValueError as problem:
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        raise BadResult(f"no metrics: {where} is not JSON: {shown!r}") from problem
    if not isinstance(found, dict):
        raise BadResult(f"no metrics: {where} is JSON but no object: {text[:60]!r}")
    return found
