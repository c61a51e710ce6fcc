"""`undo`: a promotion taken back, to the byte, while the file is still what it wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.errors import NothingMeasured, UserError
from fairtrial.flow.book import reading, writing
from fairtrial.flow.promote import EVIDENCE, as_text


@dataclass(frozen=True, slots=True)
class Undone:
    """A promotion taken back."""

    entry: int
    """The promotion's entry in the log."""
    run: int
    file: str
    diff: str
    digest: str
    """Of the file as it is again."""


def undo(
    home: Path | None, entry: int | None, *, why: str = "", command: Sequence[str] = (), dry_run: bool = False
) -> Undone:
    """Take a promotion back (the newest that stands, without an entry): the file is again what it was, to the byte.

    Raises UserError where the file was edited since, NothingMeasured where nothing can be taken back.
    """
    from fairtrial.promote import file
    from fairtrial.promote.edit import diff, undone

    with reading(home) as book:
        actions = book.ledger.actions()
    chosen = _standing(actions, entry)
    detail = chosen["detail"]
    original = file.read(Path(detail["file"]))
    if original.digest != detail["after"]:
        raise UserError(f"{detail['file']} was edited since entry {chosen['id']} promoted it", hint=_by_hand(detail))
    text = undone(original.text, detail["hunks"])
    made = Undone(
        entry=chosen["id"],
        run=chosen["run"],
        file=detail["file"],
        diff=diff(original.text, text, detail["file"]),
        digest=file.digest(original, text),
    )
    if not dry_run:
        earlier = _earlier(actions, chosen, made.digest)
        with writing(home) as book, file.exchanged(original, text):
            said = {"of": made.entry, "file": made.file, "before": original.digest, "after": made.digest}
            answer = f"{made.file} is what it was before entry {made.entry}"
            book.act("undo", why=why, command=command, run=made.run, detail={**said, "answer": answer})
            _restore_evidence(Path(f"{made.file}{EVIDENCE}"), earlier)
    return made


def _promotions(actions: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    return {action["id"]: action for action in actions if action["verb"] == "promote" and "hunks" in action["detail"]}


def _undoings(actions: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return promotion -> the entry that took it back."""
    found = (action for action in actions if action["verb"] == "undo" and "after" in action["detail"])
    return {action["detail"]["of"]: action["id"] for action in found}


def _standing(actions: Sequence[Mapping[str, Any]], entry: int | None) -> Mapping[str, Any]:
    promotions, gone = _promotions(actions), _undoings(actions)
    standing = [number for number in promotions if number not in gone]
    if entry is None:
        if not standing:
            raise NothingMeasured("there is no promotion to take back", hint="fairtrial log")
        return promotions[standing[-1]]
    if entry in gone:
        raise UserError(f"entry {entry} was taken back already, by entry {gone[entry]}")
    if entry not in promotions:
        known = ", ".join(map(str, standing)) or "none"
        raise UserError(f"entry {entry} is no promotion", hint=f"promotions that stand: {known}")
    return promotions[entry]


def _by_hand(detail: Mapping[str, Any]) -> str:
    was = ", ".join(
        f"{change['key']} {'was not there' if change['added'] else 'was ' + json.dumps(change['old'])}"
        for change in detail["changes"]
    )
    return f"nothing was written; by hand: {was}"


def _earlier(actions: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any], digest: str) -> Mapping[str, Any] | None:
    """Return the promotion whose text a file has again, where it is one."""
    gone = _undoings(actions)
    standing = (action for number, action in _promotions(actions).items() if number not in gone)
    same = [action for action in standing if action["id"] != chosen["id"] and action["detail"]["after"] == digest]
    return next((action for action in same[::-1] if action["detail"]["file"] == chosen["detail"]["file"]), None)


def _restore_evidence(path: Path, earlier: Mapping[str, Any] | None) -> None:
    from fairtrial.promote import file

    if earlier is None:
        file.remove(path)
    else:
        file.put(path, as_text(earlier["detail"]["evidence"]))
