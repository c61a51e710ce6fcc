"""The contract of a verb that a system brings: `fairtrial SYSTEM VERB`."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from fairtrial.contract.journal import Ledger


@runtime_checkable
class Verb(Protocol):
    """A verb of a system, found by the entry point `SYSTEM.VERB` of the group `fairtrial.verbs`."""

    name: str
    help: str
    """One line for the overview."""
    Arguments: type[Any]
    """A pydantic model; required fields without a default become arguments, the others options.

    A field of type `model.foreign.Foreign` is a file: the verb gets the document that it holds, with its lines.
    """

    def run(self, arguments: Any, ledger: Ledger | None) -> Any:
        """Do it; `ledger` is None where there is no book.

        The command line prints what comes back: a string as it is, a Section as a report shows it, a study
        (`model.foreign.Converted`) as YAML, anything else as JSON; with `--json` each is JSON. Raises GateFailed
        (exit 4) for a check that says no.
        """
