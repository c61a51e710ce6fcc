"""YAML, edited in place: a value changes, comments, quotes, anchors and every other byte stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from fairtrial.errors import UserError
from fairtrial.promote.scalar import flow, word
from fairtrial.promote.tree import Node, column, find, line_break, line_end

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


def load(text: str, file: str) -> Any:
    """Read a file's text. Raises UserError with the line: not YAML, several documents, a key that stands twice."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        said = f"{problem.problem or problem.context}".split("\n")[0]
        if "single document" in f"{problem.context}":
            raise UserError(
                f"{file}: it holds several documents", hint="promote writes files of one document"
            ) from None
        raise UserError(f"{file}:{mark.line + 1 if mark else 1}: not valid YAML: {said}") from problem
    except YAMLError as problem:
        raise UserError(f"{file}: not valid YAML: {' '.join(str(problem).split())}") from problem


def change(text: str, keys: Sequence[str | int], value: Any) -> str:
    """Return the text with the value at the keys; what is missing of them is added at the end of its mapping.

    Raises UserError where the place cannot be written without touching more (a tag, an anchored block).
    """
    root = parse(text)
    if root is None:
        return _appended(text, keys, value)
    node, rest = find(root, keys)
    assert node is not None
    if rest and node.kind == "map":
        return _added(text, node, rest, value)
    for key in reversed(rest):
        value = {key: value}
    return _replaced(text, node, value)


def _replaced(text: str, node: Node, value: Any) -> str:
    start = node.start + len(_PROPERTIES.match(text, node.start, node.end)[0])  # type: ignore[index]
    if "!" in text[node.start : start]:
        raise UserError(f"the value {text[node.start : node.end]!r} has a tag of its own", hint="change it by hand")
    if node.kind == "scalar" and node.start == node.end:  # nothing stands behind the colon
        return f"{text[: node.colon]} {_inline(value, '')}{text[node.colon :]}"
    if node.kind in ("scalar", "alias") or not node.block:
        style = node.style if node.kind == "scalar" else ""
        return text[:start] + _inline(value, style) + text[node.end :]
    if node.anchor:
        raise UserError(f"the block with the anchor &{node.anchor} would change its shape", hint="change it by hand")
    lines = _block(node.kind, value)
    if lines is not None:
        margin = line_break(text) + " " * column(text, node.start)
        return text[: node.start] + margin.join(lines) + text[node.end :]
    behind = f" {flow(value)}"
    return (text[: node.colon] + behind if node.colon else text[: node.start] + behind[1:]) + text[node.end :]


def _inline(value: Any, style: str) -> str:
    return flow(value) if isinstance(value, list | dict) else word(value, style)


def _block(kind: str, value: Any) -> list[str] | None:
    """Write a collection as lines of the same kind of block; None where it is of another kind, or empty."""
    if kind == "list" and isinstance(value, list) and value:
        return [f"- {flow(item)}" for item in value]
    if kind == "map" and isinstance(value, dict) and value:
        return [f"{word(key)}: {flow(item)}" for key, item in value.items()]
    return None


def _added(text: str, node: Node, keys: Sequence[str | int], value: Any) -> str:
    if not node.block:
        for key in reversed(keys[1:]):
            value = {key: value}
        entry = f"{word(str(keys[0]))}: {flow(value)}"
        if not node.entries:
            return f"{text[: node.start]}{{{entry}}}{text[node.end :]}"
        last = max(item.end if item.end > item.start else item.colon for item in node.entries.values())
        return f"{text[:last]}, {entry}{text[last:]}"
    margin = column(text, next(iter(node.keys.values())))
    place = line_end(text, node.end)
    lines = "".join(line_break(text) + line for line in _nested(keys, value, margin))
    return text[:place] + lines + text[place:]


def _nested(keys: Sequence[str | int], value: Any, margin: int) -> Iterator[str]:
    for depth, key in enumerate(keys):
        head = f"{' ' * (margin + 2 * depth)}{word(str(key))}:"
        yield f"{head} {flow(value)}" if depth == len(keys) - 1 else head


def _appended(text: str, keys: Sequence[str | int], value: Any) -> str:
    """Write into a file that holds nothing but comments."""
    end = line_break(text)
    kept = text if not text or text.endswith("\n") else text + end
    return kept + "".join(line + end for line in _nested(keys, value, 0))


def parse(text: str) -> Node | None:
    """Return the tree of a text that `load` has read; None where it holds nothing."""
    from ruamel.yaml import YAML
    from ruamel.yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

    kinds = (AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent)
    events = iter(YAML(typ="safe", pure=True).parse(text))
    first = next((event for event in events if isinstance(event, kinds)), None)
    if first is None or (isinstance(first, ScalarEvent) and first.start_mark.index == first.end_mark.index):
        return None
    return _Reader(text, events).node(first)


class _Reader:
    """Turns events into nodes."""

    def __init__(self, text: str, events: Iterator[Any]) -> None:
        self._text, self._events = text, events

    def node(self, event: Any) -> Node:
        kind = type(event).__name__
        start, end = event.start_mark.index, event.end_mark.index
        anchor = getattr(event, "anchor", None) or ""
        if kind == "AliasEvent":
            return Node("alias", start, end)
        if kind == "ScalarEvent":
            style = "" if event.style in (None, "") else str(event.style)
            return Node("scalar", start, self._trimmed(start, end), style=style, anchor=anchor)
        node = Node("list", start, end, block=not event.flow_style, anchor=anchor)
        (self._mapping if kind == "MappingStartEvent" else self._sequence)(node)
        return node

    def _trimmed(self, start: int, end: int) -> int:
        """Leave the line breaks that follow a block of text out of it."""
        return start + len(self._text[start:end].rstrip())

    def _sequence(self, node: Node) -> None:
        for event in self._events:
            if type(event).__name__ == "SequenceEndEvent":
                self._close(node, event, node.items)
                return
            node.items.append(self.node(event))

    def _mapping(self, node: Node) -> None:
        node.kind = "map"
        for event in self._events:
            if type(event).__name__ == "MappingEndEvent":
                self._close(node, event, list(node.entries.values()))
                return
            key = self.node(event)
            value = self.node(next(self._events))
            value.colon = self._text.find(":", key.end) + 1
            if value.kind == "scalar" and value.start == value.end:
                value.start = value.end = value.colon
            name = str(getattr(event, "value", ""))
            node.entries[name], node.keys[name] = value, key.start

    def _close(self, node: Node, event: Any, children: list[Node]) -> None:
        node.end = max((child.end for child in children), default=node.end) if node.block else event.end_mark.index
