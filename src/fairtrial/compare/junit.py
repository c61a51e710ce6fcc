"""A comparison as JUnit XML: a test case for each gating metric of each condition."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from fairtrial.compare.words import where, worse
from fairtrial.model.comparison import Change, Comparison, Gate, Status

UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""


def junit(found: Comparison) -> str:
    """Write a suite: a regression of a failing gate fails, what has no verdict is an error, what is open skipped."""
    gating = [change for change in found.changes if change.gating]
    cases = [(change, _outcome(change, found)) for change in gating]
    counts = {kind: sum(outcome[0] == kind for _, outcome in cases) for kind in ("failure", "error", "skipped")}
    suite = f"fairtrial gate: run {found.current.run} against run {found.baseline.run}"
    head = (
        f"<testsuite name={_quoted(suite)} tests={_quoted(len(cases))} failures={_quoted(counts['failure'])}"
        f" errors={_quoted(counts['error'])} skipped={_quoted(counts['skipped'])}>"
    )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', head, "  <properties>"]
    lines += [
        f"    <property name={_quoted(name)} value={_quoted(value)}/>"
        for name, value in (("verdict", found.verdict), ("answer", found.answer), ("mode", found.mode))
    ]
    lines += ["  </properties>", *(_case(change, *outcome) for change, outcome in cases), "</testsuite>"]
    return "\n".join(lines) + "\n"


def _outcome(change: Change, found: Comparison) -> tuple[str, str]:
    """Return (element, message) of a case: ('', '') where it passed."""
    if change.status is Status.INVALID:
        return "error", change.why
    if change.status is Status.REGRESS:
        settled = found.verdict is Gate.FAIL
        return ("failure", worse(change)) if settled else ("skipped", f"{worse(change)}; {found.mode}: not settled")
    return ("skipped", change.why) if change.status is Status.UNCLEAR else ("", "")


def _case(change: Change, kind: str, message: str) -> str:
    head = f"  <testcase classname={_quoted(change.metric)} name={_quoted(where(change))}"
    if not kind:
        return f"{head}/>"
    return f"{head}>\n    <{kind} message={_quoted(message)}>{escape(_clean(message))}</{kind}>\n  </testcase>"


def _quoted(value: object) -> str:
    return quoteattr(_clean(str(value)))


def _clean(text: str) -> str:
    return UNPRINTABLE.sub("\ufffd", text)
