"""Values into a configuration file's text: the intended keys change, and nothing else, or it is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from pathlib import Path
from typing import Any, NamedTuple

from fairtrial.errors import UnknownName, UserError
from fairtrial.model.path import flatten
from fairtrial.promote import json, toml, yaml
from fairtrial.promote.tree import Keys, differences, fitted, replaced, resolve, same, value_at


class Language(NamedTuple):
    """How a kind of file is read and changed."""

    load: Callable[[str, str], Any]
    change: Callable[[str, Sequence[str | int], Any], str]


LANGUAGES = {
    ".yaml": Language(yaml.load, yaml.change),
    ".yml": Language(yaml.load, yaml.change),
    ".json": Language(json.load, json.change),
    ".toml": Language(toml.load, toml.change),
}
"""Ending of a file's name -> its language."""


@dataclass(frozen=True, slots=True)
class Change:
    """A key of the file and the parameter that it takes its value from."""

    key: str
    parameter: str
    old: Any
    """None where the key is new."""
    new: Any
    added: bool = False


@dataclass(frozen=True, slots=True)
class Edited:
    """A file's text with values changed."""

    text: str
    changes: tuple[Change, ...]
    """Those that were needed: what was equal is left as it is written."""


def language(file: str) -> Language:
    """Return the language of a file by its name. Raises UserError for one that cannot be edited."""
    suffix = Path(file).suffix.lower()
    if suffix not in LANGUAGES:
        raise UserError(f"{file}: promote cannot edit this kind of file", hint=f"it writes {', '.join(LANGUAGES)}")
    return LANGUAGES[suffix]


def known(text: str, file: str) -> Any:
    """Read a file's values. Raises UserError where it holds no mapping."""
    tree = language(file).load(text, file)
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UserError(f"{file} holds no mapping of keys to values")
    return tree


def edit(text: str, wanted: Mapping[str, tuple[str, Any]], *, file: str, add: bool = False) -> Edited:
    """Put values into a text; `wanted` is key -> (parameter, value).

    Raises UnknownName for a key that the file lacks (unless `add`), UserError where more than these keys would change.
    """
    spoken = language(file)
    tree = expected = known(text, file)
    changes: list[Change] = []
    for key, (parameter, value) in wanted.items():
        keys, exists = resolve(tree, key)
        if not exists and not add:
            raise _missing(tree, key, file)
        old = value_at(tree, keys) if exists else None
        new = fitted(old, value)
        if exists and same(old, new):
            continue
        expected = replaced(expected, keys, new)
        changes.append(Change(key, parameter, old, new, added=not exists))
        for place, part in _steps(keys, old, new, exists=exists):
            text = _changed(spoken, text, place, part, f"{file}: {key}")
    if changes and not same(_read_back(spoken, text, file), expected):
        raise UserError(
            f"{file}: {', '.join(change.key for change in changes)} cannot be changed without changing more",
            hint="an anchor shares the value; change it by hand",
        )
    return Edited(text, tuple(changes))


def _steps(keys: Keys, old: Any, new: Any, *, exists: bool) -> Iterator[tuple[Keys, Any]]:
    if exists:
        yield from differences(old, new, keys)
    else:
        yield keys, new


def _changed(spoken: Language, text: str, keys: Keys, value: Any, where: str) -> str:
    try:
        return spoken.change(text, keys, value)
    except UserError as problem:
        raise UserError(f"{where}: {problem.message}", hint=problem.hint) from problem


def _read_back(spoken: Language, text: str, file: str) -> Any:
    try:
        return spoken.load(text, file)
    except UserError as problem:
        raise UserError(f"{file} cannot be changed safely: {problem.message}", hint="change it by hand") from problem


def _missing(tree: Any, key: str, file: str) -> UnknownName:
    problem = UnknownName(f"key of {file}", key, [path for path, _ in flatten(tree) if path])
    problem.hint = f"{problem.hint}; --add writes a new one".removeprefix("; ")
    return problem


def diff(before: str, after: str, file: str) -> str:
    """Return the unified diff of two texts; line breaks of Windows are shown as plain ones."""
    old, new = (text.replace("\r\n", "\n").splitlines() for text in (before, after))
    return "".join(f"{line}\n" for line in unified_diff(old, new, file, file, n=2, lineterm=""))


Hunk = tuple[int, str, str]
"""Where in the new text, what stands there, and what stood there before."""


def hunks(before: str, after: str) -> list[Hunk]:
    """Return what turns the new text back into the old: the letters that changed alone, for secrets stand beside."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in new:
        starts.append(starts[-1] + len(line))
    made: list[Hunk] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            made += _letters("".join(old[a:b]), "".join(new[c:d]), starts[c])
    return made


def _letters(old: str, new: str, start: int) -> Iterator[Hunk]:
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield start + c, new[c:d], old[a:b]


def undone(after: str, changes: Sequence[Sequence[Any]]) -> str:
    """Apply hunks backwards. Raises UserError where the text is not the one that they were made of."""
    for start, new, old in sorted(changes, key=lambda hunk: hunk[0], reverse=True):
        if after[start : start + len(new)] != new:
            raise UserError("the file is not the one that was written")
        after = after[:start] + old + after[start + len(new) :]
    return after
