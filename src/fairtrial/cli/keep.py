"""`export`, `import`, `mirror`, `verify`, `gc`, `doctor`: the book and the machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fairtrial.cli.console import envelope, note, plain, say, size
from fairtrial.cli.declare import AsJson
from fairtrial.cli.run import Why
from fairtrial.errors import GateFailed, ServiceFailed, StudyHeld, UserError


def export(
    run_number: Annotated[int | None, typer.Argument(metavar="[RUN]", help="The newest run unless given.")] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="parquet, csv or json; may be repeated; all unless given.")
    ] = None,
    folder: Annotated[Path | None, typer.Option("-o", "--out", help="Folder; results/RUN unless given.")] = None,
    results: Annotated[
        bool, typer.Option("--results", help="run.json, summary.json, each raw table as JSON Lines, trials' files.")
    ] = False,
    jsonl: Annotated[
        list[str] | None,
        typer.Option("--jsonl", metavar="TABLE", help="Write this raw table as TABLE.jsonl too; may be repeated."),
    ] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Write run.json, a run's trials, attempts, series and raw tables as Parquet, CSV and JSON, and trials' files."""
    from fairtrial.flow import keep

    if results and (formats or jsonl):
        given = "--format" if formats else "--jsonl"
        raise UserError("--results has formats of its own", hint=f"leave {given} out")
    if results:
        paths = keep.results(None, run_number, folder, why=why, command=sys.argv)
    else:
        lines = tuple(jsonl or ())
        paths = keep.export(None, run_number, folder, tuple(formats or ()), lines=lines, why=why, command=sys.argv)
    if as_json:
        envelope("export", paths)
        return
    for path in paths:
        say(str(path))


def import_results(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or JSONL, one trial a row.")],
    study: Annotated[str, typer.Option("--study", help="The study's name in the book.")],
    metric: Annotated[
        list[str], typer.Option("--metric", help="A column that is a metric: NAME or NAME=minimize; may be repeated.")
    ],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FACTOR=COLUMN",
            help="A factor and its column, such as lr=learning_rate; one for each factor.",
        ),
    ] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Take results that exist already into the book, so that analysis works without running again.

    Each factor is named with its column: `--map lr=learning_rate`. Other columns are left.
    """
    from fairtrial.flow.keep import adopt

    mapping = dict(_pair(word) for word in columns or ())
    number = adopt(None, path, study=study, columns=mapping, metrics=metric, why=why, command=sys.argv)
    if as_json:
        envelope("import", {"run": number}, next_command=f"fairtrial show {number}")
    else:
        say(f"run {number} of {study} holds the rows of {path}")
        say(f"next: fairtrial show {number}")


def _pair(word: str) -> tuple[str, str]:
    name, equals, column = word.partition("=")
    if not equals or not name or not column:
        raise UserError(f"--map {word!r} is not understood", hint="--map lr=learning_rate")
    return name, column


def mirror(
    run_number: Annotated[int | None, typer.Argument(metavar="[RUN]", help="Every run unless given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what waits; nobody is asked.")] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Catch up mirrors: bring to MLflow what waits of runs whose study says `tracking:`; each trial is there once."""
    from fairtrial.flow.mirror import mirror as deliver

    made = deliver(None, run_number, dry_run=dry_run, why=why, command=sys.argv, progress=_mirroring)
    if as_json:
        envelope("mirror", made)
    for one in () if as_json else made:
        there = "" if dry_run else f"{one.delivered} mirrored, "
        say(f"run {one.run} of {one.study}: {there}{one.waiting} waiting, {one.destination} ({one.experiment})")
    behind = [one for one in made if one.problem]
    if behind:
        waiting = sum(one.waiting for one in behind)
        kind = StudyHeld if all(one.held for one in behind) else ServiceFailed
        said = "; ".join(f"run {one.run}: {one.problem}" for one in behind)
        raise kind(f"{waiting} {'trial waits' if waiting == 1 else 'trials wait'}: {said}")


def _mirroring(run: int, delivered: int, waiting: int) -> None:
    if delivered and delivered % 100 == 0:
        note(f"run {run}: {delivered} of {waiting} mirrored")


def verify(as_json: AsJson = False) -> None:
    """Check the book: integrity, digests of artifacts, the action log's chain (exit 4 where something is wrong)."""
    from fairtrial.flow.keep import verify as check

    wrong = check(None)
    if as_json:
        envelope("verify", {"wrong": wrong})
    elif not wrong:
        say("the book is whole")
    if wrong:
        raise GateFailed(f"{len(wrong)} things are wrong: {'; '.join(wrong)}")


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Remove what no run refers to: loose artifacts, scratch of dead drivers, old backups."""
    from fairtrial.flow.keep import collect

    done = collect(None, dry_run=dry_run, why=why, command=sys.argv)
    if as_json:
        envelope("gc", done)
        return
    verb = "would go" if dry_run else "removed"
    say(f"{len(done.removed.paths)} files {verb}, {size(done.removed.bytes)}")
    for path in done.removed.paths if dry_run else ():
        say(f"  {path}")


def doctor(
    fetch: Annotated[
        str | None, typer.Option("--fetch", metavar="NAME", help="Bring the weights of a model, and do nothing else.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Look at what this machine can promise, and end what an earlier run left behind."""
    from fairtrial.cli import tables
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.doctor import doctor as look
    from fairtrial.flow.doctor import fetch as bring

    if fetch is not None:
        path = bring(fetch)
        envelope("fetch", str(path)) if as_json else say(f"{fetch} is at {path}")
        return 0
    checks = look(None, registry=Registry())
    if as_json:
        envelope("doctor", plain(checks))
    else:
        made = tables.table("check", "state", "found")
        for check in checks:
            made.add_row(check.name, "ok" if check.ok else "no", check.said)
        tables.show(made)
        for check in checks:
            if check.advice and not check.ok:
                say(f"{check.name}: {check.advice}")
    return 0 if all(check.ok for check in checks if check.name in ("python", "book")) else 8
