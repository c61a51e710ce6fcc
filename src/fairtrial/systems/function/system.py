"""A user's first system: a plain function, its typed keyword arguments as parameters, a dict of numbers as metrics."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.contract.system import Context, Target
from fairtrial.errors import UnknownName, UserError
from fairtrial.model.study import Metric
from fairtrial.systems.function.call import invoke
from fairtrial.systems.function.home import Home
from fairtrial.systems.function.place import Place, load, locate
from fairtrial.systems.function.signature import Signature, arguments, read
from fairtrial.systems.function.source import listed_digests, source_digests

_WORDS = ("python", "live")


def bind(value: Any, folder: Path, options: Mapping[str, Any]) -> Function:
    """Make a system of `pkg.module:function` or `file.py:function`, or of `{python: ADDRESS, live: true}`.

    `options` are the study's words: code, code_files, live. Raises UserError for what is no usable function.
    """
    words = dict(value) if isinstance(value, Mapping) else {"python": value}
    for word in sorted(words.keys() - set(_WORDS)):
        raise UnknownName("word beside python", word, _WORDS)
    place = locate(words.get("python"), folder)
    home = Home(str(place.folder), place.module, str(place.file or ""))
    kind, files = str(options.get("code") or "source"), tuple(options.get("code_files") or ())
    with home.entered():
        function, file = load(place, home)
        signature = read(function, place.label)
        modules = {place.module: file, **_defined_in(function)}
        version = _version(place.module)
    return Function(
        name=place.label,
        version=version,
        Parameters=signature.Parameters,
        live=bool(words.get("live") or options.get("live")),
        place=place,
        signature=signature,
        home=home,
        function=function,
        code=Code(kind, files, folder=folder.resolve(), modules=modules),
    )


@dataclass(frozen=True, slots=True)
class Code:
    """What of the code enters identity: `kind` is source, version or files."""

    kind: str
    files: tuple[str, ...]
    folder: Path
    modules: Mapping[str, Path | None]
    """The function's modules, with their files."""

    def identity(self, version: str) -> dict[str, str]:
        """Return relative file -> digest; for 'version' the version alone. Raises UserError where a file is missing."""
        if self.kind == "version":
            return {"version": version}
        if self.kind == "files":
            return listed_digests(self.files, self.folder)
        found: dict[str, str] = {}
        for module, file in self.modules.items():
            if file is None:
                raise UserError(f"python: module {module!r} has no source file", hint="set code: version")
            found |= source_digests(module, file)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as a system; it ships a slim target, and its source enters identity."""

    name: str
    version: str
    Parameters: type[Any]
    live: bool
    place: Place
    signature: Signature
    home: Home
    function: Callable[..., Any]
    code: Code
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    """None of its own: the study names them."""

    def run(self, parameters: Any, context: Context) -> Mapping[str, float]:
        """Call the function here, in this process."""
        with self.home.entered():
            result: Mapping[str, float] = invoke(self.function, arguments(parameters), context, self.signature.gives)
            return result

    def target(self) -> Target:
        """Say what the worker loads: the function's own module, without pydantic where its annotations are JSON."""
        config = {
            "module": self.place.module,
            "attribute": self.place.attribute,
            "folder": str(self.place.folder),
            "file": str(self.place.file or ""),
            "gives": list(self.signature.gives),
            "floats": list(self.signature.floats),
            "plain": self.signature.plain,
        }
        convert = () if self.signature.plain else ("fairtrial.systems.function.signature",)
        return Target(
            entry="fairtrial.systems.function.call:Call",
            config=config,
            folder=str(self.place.folder),
            warm=(*convert, self.place.module),
        )

    def identity(self) -> Mapping[str, Any]:
        """Return the function's address and the digests of its code."""
        return {"function": self.name, "code": self.code.identity(self.version)}


def _defined_in(function: Callable[..., Any]) -> dict[str, Path]:
    """The module that defines the function, where it is another than the one that names it."""
    name = getattr(inspect.unwrap(function), "__module__", "")
    file = getattr(sys.modules.get(name), "__file__", None)
    return {name: Path(file).resolve()} if file else {}


def _version(module: str) -> str:
    """`__version__` of the module or of its top-level package, else '1'."""
    for name in (module, module.partition(".")[0]):
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            return version
    return "1"
