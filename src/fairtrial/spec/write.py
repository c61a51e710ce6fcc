"""Studies as text: YAML as people write it, with comments before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from textwrap import wrap
from typing import Any

from fairtrial.model.foreign import Converted

WIDTH = 118


def written(study: Converted) -> str:
    """Return a study as YAML, its notes as comments before it; the same study gives the same bytes."""
    between = "\n" if study.notes else ""
    return comments(study.notes) + between + dumped(study.document)


def comments(lines: Sequence[str]) -> str:
    """Write lines as comments; the rest of a list's long line is indented."""
    made = []
    for line in lines:
        rest = "#   " if line.startswith("- ") else "# "
        made += wrap(
            line, WIDTH, initial_indent="# ", subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
        )
    return "".join(f"{line}\n" for line in made)


def dumped(document: Mapping[str, Any]) -> str:
    """Write a study as YAML: what lies below its sections, and lists of levels, on one line each."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = WIDTH
    out = StringIO()
    yaml.dump(_styled(document, 0), out)
    return out.getvalue()


def _styled(value: Any, depth: int) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, Mapping):
        mapping = CommentedMap((name, _styled(inner, depth + 1)) for name, inner in value.items())
        if _on_one_line(value, depth):
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq(_styled(inner, depth + 1) for inner in value)
        if depth > 1:
            sequence.fa.set_flow_style()
        return sequence
    return value


def _on_one_line(value: Mapping[str, Any], depth: int) -> bool:
    """Say whether a mapping is written on one line: of those below the sections all but arms and their axes."""
    nested = [inner for inner in value.values() if isinstance(inner, Mapping)]
    listed = [inner for inner in value.values() if isinstance(inner, list)]
    if depth == 1:
        return len(value) < 3 and not nested and not listed
    return depth > 3 or (depth == 2 and len(nested) < 2) or (depth == 3 and not listed)
