"""`run`, `retry`, `reproduce`: what makes trials."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtrial.cli.console import envelope, note, number, plain, say
from fairtrial.cli.declare import (
    AsJson,
    Command,
    Fresh,
    Limit,
    Metric,
    Name,
    Only,
    Replicates,
    Words,
    sentences,
    source,
)
from fairtrial.model.words import tally

if TYPE_CHECKING:
    from fairtrial.flow.again import Reproduction
    from fairtrial.flow.declare import Survey
    from fairtrial.flow.run import Ended
    from fairtrial.model.run import TrialRow

Why = Annotated[str, typer.Option("--why", help="The reason, kept in the action log.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
Jobs = Annotated[str | None, typer.Option("--jobs", "-j", help="Trials at once: a number or auto.")]
Engine = Annotated[str | None, typer.Option("--engine", help="local, or inline for a debugger.")]


def run(
    words: Words = None,
    command: Command = None,
    name: Name = None,
    replicates: Replicates = None,
    metric: Metric = None,
    only: Only = None,
    limit: Limit = None,
    fresh: Fresh = False,
    jobs: Jobs = None,
    engine: Engine = None,
    why: Why = "",
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background; `watch` shows it.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run what is left of a study: continue it, amend it, or say that all is done."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.declare import declare
    from fairtrial.flow.run import run as start
    from fairtrial.flow.session import Order

    registry = Registry()
    more = [*(words or ()), *([f"parallel.jobs={jobs}"] if jobs else [])]
    made = source(more, command, name=name, replicates=replicates, metrics=tuple(metric or ()))
    declared = declare(made, registry=registry)
    if detach:
        return _detach(declared.study.name, as_json=as_json)
    order = Order(only=only, limit=limit, fresh=fresh, engine=engine, why=why, command=tuple(sys.argv))
    with live(quiet) as shown:
        ended = start(declared, registry=registry, order=order, listeners=listeners(shown, quiet))
    return _finish(ended, as_json=as_json)


def live(quiet: bool) -> Any:
    """Return the line on stderr that shows progress."""
    from fairtrial.cli.live import Live

    return Live(quiet=quiet)


def listeners(shown: Any, quiet: bool) -> Any:
    """Return who hears of a session: nobody but of failures where `quiet`."""
    from fairtrial.cli.live import failure
    from fairtrial.flow.session import Listeners

    if quiet:
        return Listeners(on_failure=failure)
    return Listeners(on_survey=_survey, on_progress=shown.show, on_failure=failure)


def _survey(found: Survey) -> None:
    for sentence in sentences(found):
        note(sentence)


def _detach(study: str, *, as_json: bool) -> int:
    from fairtrial.flow.steer import detach

    argv = [word for word in sys.argv[1:] if word != "--detach"]
    launched = detach(None, study, argv)
    if as_json:
        envelope("launch", launched, next_command=f"fairtrial watch {study}")
    else:
        say(f"{study} runs in the background (process {launched.pid}); its output is in {launched.log}")
        say(f"next: fairtrial watch {study}")
    return 0


def _finish(ended: Ended, *, as_json: bool) -> int:
    run = ended.run
    if as_json:
        data = {"run": run, "state": ended.state, "reason": ended.reason, "survey": ended.survey}
        data |= {"conditions": ended.findings, "cautions": ended.cautions, "exit_code": ended.exit_code}
        data |= {"failures": ended.failures, "claims": ended.claims}
        envelope("run", data, truncated=len(ended.findings) < ended.conditions, next_command=_next(ended))
    else:
        _print_ended(ended)
    if os.environ.get("FAIRTRIAL_DETACHED"):
        from fairtrial.flow.steer import done_record

        say(done_record(run.number, run.study, ended.state, ended.exit_code))
    return ended.exit_code


MANY = 20
"""Metrics of a condition that fit on a screen."""


def _print_ended(ended: Ended) -> None:
    from fairtrial.cli import tables

    run = ended.run
    say(f"run {run.number} of {run.study}: {_state(ended)}")
    for caution in ended.cautions:
        say(f"caution: {caution}")
    if ended.findings and run.done:
        say()
        metrics, more = _seen(ended)
        tables.conditions(ended.findings[: tables.SHOWN], metrics)
        cut = ended.conditions - tables.SHOWN
        say(tables.legend(ended.findings, cut, f"fairtrial show {run.number} --limit N"))
        if more:
            say(f"{more} more metrics, without a direction: fairtrial show {run.number}")
    elif ended.first_failure is not None:
        say(_nothing(ended.first_failure))
    for claim in ended.claims:
        say(f"claim {claim.claim!r}: {claim.verdict.value}")
        say(f"  {claim.answer}")
    say()
    say(f"next: {_next(ended)}")


def _nothing(row: TrialRow) -> str:
    reference, failure = f"{row.run}.{row.number}", row.failure
    said = f": {failure.kind.value}: {failure.message}" if failure else ""
    return f"nothing was measured: every trial failed, {reference} first{said} (fairtrial logs {reference})"


def _state(ended: Ended) -> str:
    run = ended.run
    classes = f" ({', '.join(f'{count} {kind}' for kind, count in ended.failures.items())})" if run.failed else ""
    counts = f"{tally(run.done, run.pruned, run.failed, run.reused)}{classes}"
    if ended.state == "finished" and not ended.measured:
        return f"all is done already: {counts}"
    return f"{ended.state}, {counts}" + (f" ({ended.reason})" if ended.reason else "")


def _seen(ended: Ended) -> tuple[list[str], int]:
    """Return the metrics to show, and how many others there are: of very many only those with a direction."""
    every = list(dict.fromkeys(name for finding in ended.findings for name in finding.estimates))
    shown = [name for name in every if name in ended.directed]
    return (shown, len(every) - len(shown)) if len(every) > MANY and shown else (every, 0)


def _next(ended: Ended) -> str:
    number = ended.run.number
    if ended.state == "partial" and not ended.reason:
        return "the command without --only and --limit runs the rest"
    if ended.state in ("budget", "interrupted", "partial", "cancelled"):
        return "the same command again continues it"
    if ended.run.failed:
        return f"fairtrial show {number} --failed"
    return f"fairtrial report {number}"


def retry(
    run_number: Annotated[int, typer.Argument(metavar="RUN", help="The run's number.")],
    failure: Annotated[
        list[str] | None, typer.Option("--failure", help="Only this class of failure; may be repeated.")
    ] = None,
    why: Why = "",
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run the failed trials of a run once more."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.again import retry as start
    from fairtrial.flow.session import Order

    order = Order(forgive=tuple(failure or ()), verb="retry", why=why, command=tuple(sys.argv))
    with live(quiet) as shown:
        ended = start(
            run_number,
            registry=Registry(),
            home=None,
            order=order,
            listeners=listeners(shown, quiet),
        )
    return _finish(ended, as_json=as_json)


def reproduce(
    run_number: Annotated[int, typer.Argument(metavar="RUN", help="The run's number.")],
    why: Why = "",
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Make the trials of a run again in a fresh run, and say which numbers agree (exit 4 where some do not)."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.again import reproduce as start
    from fairtrial.flow.session import Order

    order = Order(fresh=True, verb="reproduce", why=why, command=tuple(sys.argv))
    with live(quiet) as shown:
        made = start(
            run_number,
            registry=Registry(),
            home=None,
            order=order,
            listeners=listeners(shown, quiet),
        )
    if as_json:
        envelope("reproduce", {**plain(made), "agrees": made.agrees})
    else:
        _print_reproduction(made)
    return made.ended.exit_code or (0 if made.agrees else 4)


def _print_reproduction(made: Reproduction) -> None:
    from fairtrial.cli import tables

    shown = tables.table("metric", "trials", "equal", "largest difference", "relative", right=_RIGHT)
    for row in made.agreements:
        cells = (str(row.compared), str(row.equal), number(row.largest_difference), number(row.largest_relative))
        shown.add_row(row.metric, *cells)
    say(f"run {made.ended.run.number} made run {made.original} again")
    if not made.agreements:
        say("neither run measured a number that could be compared")
        return
    tables.show(shown)
    if made.unmatched:
        say(f"{made.unmatched} trials of run {made.original} have no counterpart")
    say("every number agrees" if made.agrees else "not every number agrees")


_RIGHT = ("trials", "equal", "largest difference", "relative")
