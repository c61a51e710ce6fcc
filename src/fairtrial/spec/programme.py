"""The only reader of `programme.yaml`: phases with numbered items, baselines, and criteria over the book."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairtrial.errors import nearest
from fairtrial.model.programme import Baseline, Criterion, Item, Phase, Programme
from fairtrial.spec.source import Source, open_source

NAME = "programme.yaml"
COUNTS: Mapping[str, tuple[str, ...]] = {
    "runs": ("study", "system", "tag", "state", "phase", "item"),
    "studies": ("study", "system", "tag", "state", "phase", "item"),
    "conditions": ("study", "system", "tag", "state", "phase", "item"),
    "baselines": ("name", "category"),
    "verdicts": ("verb", "verdict", "study"),
}
"""What a criterion may count, and by what it may be narrowed. `conditions` is of the run that has most of them."""
PRIORITIES = ("high", "medium", "low")

_CRITERION = re.compile(r"\s*(?P<count>\w+)\s*\((?P<filters>[^()]*)\)\s*(?P<relation>>=|<=|==|>|<)\s*(?P<goal>\S+)\s*")
_FILTER = re.compile(r"""\s*(?P<key>\w+)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[^,"']+))\s*""")
_OF_BASELINE = ("category", "note", "study", "system")
_FORM = "runs(system=services, state=finished) >= 10"


def find(start: Path | None = None) -> Path | None:
    """Return the nearest programme from a folder upwards (the current one)."""
    here = (start or Path.cwd()).resolve()
    return next((folder / NAME for folder in (here, *here.parents) if (folder / NAME).is_file()), None)


def read(path: Path) -> Programme:
    """Read a programme. Raises SpecError with file, line and the nearest valid name."""
    source = open_source(path, "programme")
    document = source.document
    _check_keys(source, "", document, ("programme", "rules", "phases", "baselines", "criteria"))
    return Programme(
        title=_text(source, "", document, "programme"),
        rules=tuple(_texts(source, "", document, "rules")),
        phases=tuple(_unique(source, "phase", _listed(source, document, "phases", _phase))),
        baselines=tuple(_unique(source, "baseline", _listed(source, document, "baselines", _baseline))),
        criteria=tuple(_listed(source, document, "criteria", _criterion)),
        file=str(path),
    )


def _check_keys(source: Source, path: str, given: Any, known: Sequence[str]) -> None:
    if not isinstance(given, Mapping):
        raise source.error(path, "this is a mapping", f"keys: {', '.join(known)}")
    for key in given:
        if key not in known:
            raise source.error(_join(path, key), f"unknown key {key!r}", nearest(key, known))


def _join(path: str, key: str | int) -> str:
    return f"{path}.{key}".strip(".")


def _listed(source: Source, given: Mapping[str, Any], key: str, make: Callable[..., Any], path: str = "") -> list[Any]:
    """Read a list, each part by `make(source, path, value, number)`."""
    here, items = _join(path, key), given.get(key)
    if items is None:
        return []
    if not isinstance(items, list):
        raise source.error(here, f"{key} is a list", "one `- ` for each")
    return [make(source, f"{here}.{place}", item, place + 1) for place, item in enumerate(items)]


def _phase(source: Source, path: str, given: Any, _: int) -> Phase:
    _check_keys(source, path, given, ("name", "goal", "items"))
    name = _text(source, path, given, "name")
    if not name:
        raise source.error(path, "a phase has a name", "name: Phase 1")
    items = _listed(source, given, "items", _item, path)
    numbers = [item.number for item in items]
    twice = next((place for place, number in enumerate(numbers) if number in numbers[:place]), None)
    if twice is not None:
        raise source.error(f"{path}.items.{twice}", f"item {numbers[twice]} stands here twice", "number: N")
    return Phase(name=name, goal=_text(source, path, given, "goal"), items=tuple(items))


def _item(source: Source, path: str, given: Any, number: int) -> Item:
    if isinstance(given, str):
        given = {"text": given}
    _check_keys(source, path, given, ("text", "number", "studies", "stage", "source", "priority"))
    text = _text(source, path, given, "text")
    if not text:
        raise source.error(path, "an item says what is to be done", "text: …")
    number = given.get("number", number)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise source.error(_join(path, "number"), f"{number!r} is no number of an item", "1, 2, 3 …")
    priority = _text(source, path, given, "priority")
    if priority and priority not in PRIORITIES:
        raise source.error(_join(path, "priority"), f"unknown priority {priority!r}", nearest(priority, PRIORITIES))
    return Item(
        number=number,
        text=text,
        studies=tuple(_texts(source, path, given, "studies")),
        stage=_text(source, path, given, "stage"),
        source=_text(source, path, given, "source"),
        priority=priority,
    )


def _baseline(source: Source, path: str, given: Any, _: int) -> Baseline:
    _check_keys(source, path, given, ("name", "run", *_OF_BASELINE))
    name, run = _text(source, path, given, "name"), given.get("run")
    if not name:
        raise source.error(path, "a baseline has a name", "name: storage")
    if run is not None and (not isinstance(run, int) or isinstance(run, bool) or run < 1):
        raise source.error(_join(path, "run"), f"{run!r} is no number of a run", "leave it out while it is pending")
    category, note, study, system = (_text(source, path, given, key) for key in _OF_BASELINE)
    return Baseline(name=name, run=run, category=category, note=note, study=study, system=system)


def _unique(source: Source, noun: str, items: list[Any]) -> list[Any]:
    names = [item.name for item in items]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise source.error(f"{noun}s.{place}", f"{noun} {name!r} stands here twice")
    return items


def _criterion(source: Source, path: str, given: Any, _: int) -> Criterion:
    """Read `COUNT(KEY=VALUE, …) RELATION NUMBER`, or a mapping of it with a label."""
    words = {"text": given} if isinstance(given, str) else given
    _check_keys(source, path, words, ("text", "label"))
    text = _text(source, path, words, "text")
    found = _CRITERION.fullmatch(text)
    if found is None:
        raise source.error(path, f"criterion {text!r} is not understood", _FORM)
    count = found["count"]
    if count not in COUNTS:
        raise source.error(path, f"criterion {text!r}: nothing is called {count!r}", nearest(count, COUNTS))
    try:
        goal = float(found["goal"])
    except ValueError:
        raise source.error(path, f"criterion {text!r}: {found['goal']!r} is no number", _FORM) from None
    return Criterion(
        text=text.strip(),
        label=_text(source, path, words, "label"),
        count=count,
        filters=_filters(source, path, text, found["filters"], COUNTS[count]),
        relation=found["relation"],
        goal=goal,
    )


def _filters(source: Source, path: str, text: str, given: str, known: Sequence[str]) -> dict[str, str]:
    made: dict[str, str] = {}
    place = 0
    while given[place:].strip():
        found = _FILTER.match(given, place)
        if found is None or given[found.end() : found.end() + 1] not in ("", ","):
            raise source.error(path, f"criterion {text!r} is not understood", _FORM)
        key = found["key"]
        if key not in known:
            raise source.error(path, f"criterion {text!r}: unknown filter {key!r}", nearest(key, known))
        quoted = found["single"] if found["double"] is None else found["double"]
        made[key] = found["word"].strip() if quoted is None else quoted
        place = found.end() + 1
    return made


def _text(source: Source, path: str, given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise source.error(_join(path, key), f"{key} is a text, not {value!r}", "put it in quotes")
    return " ".join(value.split())


def _texts(source: Source, path: str, given: Mapping[str, Any], key: str) -> list[str]:
    value = given.get(key)
    if value is None:
        return []
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(item, str) and item for item in listed):
        raise source.error(_join(path, key), f"{key} is a list of texts", f"{key}: [a, b]")
    return [" ".join(item.split()) for item in listed]
