"""`list`, `show`, `logs`, `why`: what happened."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtrial.cli.console import envelope, number, say, size, span, when
from fairtrial.cli.declare import AsJson
from fairtrial.cli.grid import one_line
from fairtrial.errors import UserError
from fairtrial.model.words import level, tally

if TYPE_CHECKING:
    from fairtrial.flow.read import RunView, TrialView
    from fairtrial.model.run import AttemptRow

Reference = Annotated[str, typer.Argument(metavar="TRIAL", help="RUN.NUMBER, or the start of a digest.")]


def list_runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Print so many.")] = 50,
    tag: Annotated[str | None, typer.Option("--tag", help="Only runs with this tag.")] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the index of the data set: runs, baselines, pending, criteria.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    if markdown:
        from fairtrial.flow import log

        sys.stdout.write(log.index_markdown(log.index(None, tag=tag)))
        return
    from fairtrial.cli import tables
    from fairtrial.flow.read import runs

    rows, total = runs(None, limit=limit, tag=tag)
    if as_json:
        envelope("list", rows, truncated=len(rows) < total)
        return
    tables.runs(rows)
    if len(rows) < total:
        say(f"… the newest {len(rows)} of {total} runs; --limit N prints more")


def show(
    reference: Annotated[str | None, typer.Argument(metavar="[RUN|TRIAL]", help="The newest run unless given.")] = None,
    trials: Annotated[bool, typer.Option("--trials", help="Its trials too.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Its failed trials.")] = False,
    table: Annotated[str | None, typer.Option("--table", help="Rows of a trial's raw table.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Print so many rows.")] = 20,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Skip so many trials.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a run (conditions best first, failures, provenance) or one trial with its attempts."""
    if reference is not None and not reference.isdigit():
        _show_trial(reference, table, limit=limit, as_json=as_json)
        return
    if table is not None:
        raise UserError("--table needs a trial", hint=f"fairtrial show {reference or 1}.1 --table {table}")
    from fairtrial.flow.read import run_view

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads spin from its import on, here for nothing
    status = "failed" if failed else None
    number = int(reference) if reference else None
    found = run_view(None, number, limit=limit, offset=offset, status=status, top=limit)
    if as_json:
        envelope("show", found, truncated=found.more or offset > 0 or len(found.findings) < found.conditions)
        return
    _print_run(found, trials=trials, failed=failed)


def _print_run(found: RunView, *, trials: bool, failed: bool) -> None:
    from fairtrial.cli import tables

    run = found.run
    planned = "" if run.planned is None else f" of {run.planned} planned"
    say(f"run {run.number} of {run.study}: {tables.state(run)}, {tally(run.done, run.pruned, run.failed)}{planned}")
    for said in (*_declared(run.document), _extras(found), *map(_driver, found.drivers[-1:])):
        if said:
            say(f"  {said}")
    if trials or failed:
        _print_trials(found, failed=failed)
    elif found.findings and run.done:
        say()
        tables.conditions(found.findings, found.metrics)
        say(tables.legend(found.findings, found.conditions - len(found.findings), "--limit N"))


def _declared(document: Mapping[str, Any]) -> Iterator[str]:
    """Say what the study says of itself: its question, tags, baseline, and the units of its metrics."""
    yield document.get("question") or ""
    if document.get("tags"):
        yield f"tags: {', '.join(document['tags'])}"
    arms = document.get("variants") or {}
    yield from (f"baseline: {name}" for name, arm in arms.items() if arm and arm.get("baseline"))
    metrics = document.get("metrics")
    for name, said in metrics.items() if isinstance(metrics, Mapping) else ():
        if isinstance(said, Mapping):
            unit = f" in {said['unit']}" if said.get("unit") else ""
            yield one_line(f"{name}{unit}" + (f": {said['help']}" if said.get("help") else ""))


def _print_trials(found: RunView, *, failed: bool) -> None:
    from fairtrial.cli import tables

    if not found.trials:
        say("  no such trials")
        return
    say()
    if failed:
        tables.failed(found.trials)
        number = found.run.number
        say(f"next: fairtrial logs {number}.{found.trials[0].number}, then fairtrial retry {number}")
    else:
        tables.trials(found.trials, found.metrics)
    if found.more:
        say("… there are more; --limit N prints so many, --offset N skips so many")


def _extras(found: RunView) -> str:
    run = found.run
    parts = [f"{run.reused} reused"] if run.reused else []
    parts += [f"{run.retired} retired"] if run.retired else []
    parts += [f"failures: {', '.join(f'{n} {kind}' for kind, n in found.failures.items())}"] if found.failures else []
    parts += [f"tables: {', '.join(found.tables)}"] if found.tables else []
    return "; ".join(parts)


def _driver(driver: Any) -> str:
    if not driver.get("python"):
        return ""  # imported: nothing is known of where it was measured
    code, machine = driver.get("code", {}), driver.get("machine", {})
    commit = code.get("commit") or ""
    made = f"code {commit[:12]}{' with changes' if code.get('dirty') else ''}, " if commit else ""
    python = str(driver["python"]).partition(" ")[0]
    return f"{made}Python {python}, {machine.get('host', '?')}, {machine.get('cpus', '?')} CPUs"


def _show_trial(reference: str, table: str | None, *, limit: int, as_json: bool) -> None:
    from fairtrial.flow.read import rows_of, trial_view

    if table is not None:
        rows, total = rows_of(None, reference, table, limit=limit)
        if as_json:
            envelope("table", rows, truncated=len(rows) < total)
        else:
            _print_rows(rows, total)
        return
    found = trial_view(None, reference)
    if as_json:
        envelope("trial", found)
    else:
        _print_trial(found)


def _print_rows(rows: Any, total: int) -> None:
    from fairtrial.cli import tables

    made = tables.table(*(rows[0] if rows else []))
    for row in rows:
        made.add_row(*(level(value) for value in row.values()))
    tables.show(made)
    if len(rows) < total:
        say(f"… the first {len(rows)} of {total} rows; --limit N prints more")


def _print_trial(found: TrialView) -> None:
    from fairtrial.cli import tables

    row = found.trial
    status = "open" if row.status is None else row.status.value
    say(f"trial {row.run}.{row.number} ({row.digest.hex()[:12]}): {status}")
    for factor, value in row.assignment.items():
        say(f"  {factor} = {level(value)}")
    say(f"  replicate {row.replicate}, seed {row.seed}" + (f", variant {row.variant}" if row.variant else ""))
    for name, value in row.metrics.items():
        say(f"  {name}: {number(value, 10)}")
    made = tables.table("attempt", "role", "status", "started", "wall", "CPU", "peak", "steps", "failure")
    for attempt in found.attempts:
        made.add_row(*_attempt_cells(attempt, found))
    tables.show(made)
    for kind, files in (("table", found.tables), ("file", found.files)):
        for name, path in files.items():
            say(f"{kind} {name}: {path}")


def _attempt_cells(attempt: AttemptRow, found: TrialView) -> list[str]:
    usage = attempt.usage
    failure = f"{attempt.failure.kind.value}: {attempt.failure.message}" if attempt.failure else ""
    times = (span(usage.wall_s), span(usage.cpu_s), size(usage.peak_bytes)) if attempt.ended else ("", "", "")
    head = (str(attempt.number), attempt.role.value, attempt.status.value, when(attempt.started))
    return [*head, *times, str(found.series.get(attempt.id, 0)), failure]


def logs(
    reference: Reference,
    attempt: Annotated[int | None, typer.Option("--attempt", help="Which attempt; the last unless given.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on while it runs.")] = False,
    errors: Annotated[bool, typer.Option("--stderr", help="Only stderr.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what an attempt wrote to stdout and stderr."""
    from fairtrial.flow.read import attempt_logs

    found = attempt_logs(None, reference, attempt)
    if as_json:
        envelope("logs", found)
    elif follow and found.attempt.ended is None:
        _follow(reference, found.attempt.number, errors=errors)
    else:
        sys.stdout.write("" if errors else found.stdout)
        (sys.stdout if errors else sys.stderr).write(found.stderr)


def _follow(reference: str, attempt: int, *, errors: bool) -> None:
    from fairtrial.flow.read import attempt_logs

    shown = {"stdout": 0, "stderr": 0}
    while True:
        found = attempt_logs(None, reference, attempt)
        for name in ("stderr",) if errors else ("stdout", "stderr"):
            text = getattr(found, name)
            (sys.stderr if name == "stderr" and not errors else sys.stdout).write(text[shown[name] :])
            shown[name] = len(text)
        sys.stdout.flush()
        if found.attempt.ended is not None or found.attempt.status.value != "running":
            return
        time.sleep(0.3)


def why(reference: Reference, as_json: AsJson = False) -> None:
    """Say why a trial ran, was reused, is stale or failed."""
    from fairtrial.flow.read import why as reason

    found = reason(None, reference)
    if as_json:
        envelope("why", found)
        return
    say(f"trial {found.trial.run}.{found.trial.number}")
    for sentence in found.sentences:
        say(f"  {sentence}")
