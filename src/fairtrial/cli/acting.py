"""Verbs that act: an error of theirs becomes an entry of the log, as what they did does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

Words = Mapping[str, Any]

ALWAYS = (
    "run",
    "retry",
    "reproduce",
    "confirm",
    "cancel",
    "pause",
    "resume",
    "set",
    "import",
    "export",
    "compare",
    "aa",
    "gate",
    "note",
)
ACTING: Mapping[str, Callable[[Words], bool]] = {
    **dict.fromkeys(ALWAYS, lambda words: True),
    "report": lambda words: bool(words.get("write") or words.get("folder")),
    "baseline": lambda words: words.get("action") != "list",
    "analyse": lambda words: bool(words.get("why")),
    **dict.fromkeys(("gc", "promote", "undo"), lambda words: not words.get("dry_run")),
}
"""Verb -> whether it acts, given its words; every other verb reads, and logs nothing."""
STOPPED = (130, 143)


def acting(verb: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of a verb with its errors logged; of a verb that only reads, the function itself."""
    if verb not in ACTING:
        return function

    @wraps(function)
    def call(**words: Any) -> Any:
        from fairtrial.flow.logged import logged, stopped

        if not ACTING[verb](words):
            return function(**words)
        why, command = str(words.get("why") or ""), tuple(sys.argv)
        with logged(verb, why=why, command=command) as since:
            code = function(**words)
            if code in STOPPED:
                stopped(verb, code, why=why, command=command, since=since)
            return code

    return call
