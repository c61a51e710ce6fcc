"""Where a function lives: `pkg.module:function` or `file.py:function`, found, imported and checked."""

from __future__ import annotations

import contextlib
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from fairtrial.errors import MissingPart, UnknownName, UserError, nearest
from fairtrial.systems.function.call import attribute
from fairtrial.systems.function.home import Home


@dataclass(frozen=True, slots=True)
class Place:
    """A function's address."""

    label: str
    """As it enters identity: `pkg.module:function`, or `file.py:function` relative to the study's folder."""
    module: str
    attribute: str
    folder: Path
    """First on the import path."""
    file: Path | None
    """The module's file where it lies below `folder`; None for an installed module, until it is imported."""


def locate(reference: Any, folder: Path) -> Place:
    """Read an address. Raises UserError where it is none, or its file does not exist."""
    if not isinstance(reference, str) or not all(reference.rpartition(":")):
        raise UserError(f"python: {reference!r} is no address of a function", hint="write pkg.module:function")
    where, _, name = reference.rpartition(":")
    if where.endswith(".py"):
        return _in_file(where, name, folder.resolve())
    return Place(reference, where, name, folder.resolve(), _local(where, folder.resolve()))


def _in_file(where: str, name: str, folder: Path) -> Place:
    file = (folder / where).resolve()
    if not file.is_file():
        raise UnknownName("file", where, (path.relative_to(folder).as_posix() for path in folder.glob("*.py")))
    if "." in file.stem:
        raise UserError(f"python: {where!r} cannot be imported", hint="rename it: a module's name has no dots")
    shown = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name
    return Place(f"{shown}:{name}", file.stem, name, file.parent, file)


def _local(module: str, folder: Path) -> Path | None:
    stem = folder.joinpath(*module.split("."))
    files = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
    return next((file for file in files if file.is_file()), None)


def load(place: Place, home: Home) -> tuple[Callable[..., Any], Path | None]:
    """Import the module and find the function; return it with the module's file. Call it inside `home.entered()`.

    What the import prints goes to stderr. Raises UserError, UnknownName or MissingPart, one line each.
    """
    with contextlib.redirect_stdout(sys.stderr):
        module = _imported(place, home)
    origin = getattr(module, "__file__", None)
    file = Path(origin).resolve() if origin else None
    if place.file and file != place.file:
        raise UserError(
            f"python: {place.label}: the name {place.module!r} is taken by {file or 'a built-in module'}",
            hint=f"rename {place.file.name}",
        )
    return _function(place, module), file


def _imported(place: Place, home: Home) -> ModuleType:
    try:
        return home.load()
    except ModuleNotFoundError as problem:
        if problem.name and (place.module == problem.name or place.module.startswith(f"{problem.name}.")):
            known = (path.stem for path in place.folder.glob("*.py"))
            raise UserError(
                f"python: {place.label}: there is no module {problem.name!r} in {place.folder} or installed",
                hint=nearest(place.module, known),
            ) from problem
        raise MissingPart(
            f"python: importing {place.module} failed at {_line(problem)}: no module named {problem.name!r}",
            hint=f"install what provides it, such as: pip install {problem.name}",
        ) from problem
    except (Exception, SystemExit) as problem:
        reason = str(problem).splitlines()[0] if str(problem) else "no message"
        raise UserError(
            f"python: importing {place.module} failed at {_line(problem)}: {type(problem).__name__}: {reason}"
        ) from problem


def _line(problem: BaseException) -> str:
    """File and line of the user's code that failed."""
    if isinstance(problem, SyntaxError) and problem.filename:
        return f"{Path(problem.filename).name}:{problem.lineno}"
    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if not frame.filename.startswith("<")]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"


def _function(place: Place, module: ModuleType) -> Callable[..., Any]:
    try:
        found = attribute(module, place.attribute)
    except AttributeError as problem:
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise UserError(
            f"python: {place.module} has no function {place.attribute!r}", hint=nearest(place.attribute, names)
        ) from problem
    if inspect.isclass(found) or not callable(found):
        what = "a class" if inspect.isclass(found) else f"{type(found).__name__}, not a function"
        raise UserError(f"python: {place.label} is {what}", hint="name a function that returns a dict of metrics")
    function: Callable[..., Any] = found
    return function
