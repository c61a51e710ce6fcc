"""A report as data: everything that it says, in the order in which it says it."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.model.choice import ClaimFinding
from fairtrial.model.figure import Section
from fairtrial.model.finding import Caution


@dataclass(frozen=True, slots=True)
class Document:
    """A report; `report.document` writes it as Markdown, HTML, plots and data.

    It is shown as: title, question, answer with its verdict, facts, claims, `sections`, cautions, limits, how to
    reproduce, digests. Empty parts are left out.
    """

    title: str
    question: str
    answer: str
    """One sentence."""
    verdict: str = ""
    """A Verdict or a Gate; '' where the report only describes."""
    facts: tuple[tuple[str, str], ...] = ()
    """Name and value of what the run was: study, run, system, state, made, machine, versions."""
    claims: tuple[ClaimFinding, ...] = ()
    sections: tuple[Section, ...] = ()
    """Design, completeness, manipulation check, results, null check, sensitivity."""
    cautions: tuple[Caution, ...] = ()
    limits: tuple[str, ...] = ()
    """What the report does not show: a sentence each."""
    reproduce: tuple[str, ...] = ()
    """Commands, one a line."""
    digests: tuple[tuple[str, str], ...] = ()
    """What of, and the digest in hexadecimal."""
