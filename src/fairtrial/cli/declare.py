"""`init`, `schema`, `check`, `plan`: before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtrial.cli.console import envelope, note, plain, say

if TYPE_CHECKING:
    from fairtrial.flow.declare import Source, Survey
    from fairtrial.model.trial import Trial

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[STUDY.yaml] [PATH=VALUE]...", help="A study file, then overrides such as lr=1e-4,1e-3"),
]
Command = Annotated[str | None, typer.Option("--command", help="Study this command instead of a file: './x --lr {lr}'")]
Name = Annotated[str | None, typer.Option("--name", help="The study's name.")]
Replicates = Annotated[int | None, typer.Option("--replicates", help="Repetitions of each condition.")]
Metric = Annotated[
    list[str] | None, typer.Option("--metric", help="A metric, as NAME or NAME=maximize|minimize (with --command).")
]
Only = Annotated[str | None, typer.Option("--only", metavar="RULE", help="Only trials for which the rule holds.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many trials of the plan.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Open a new run that measures everything again.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON in a versioned envelope.")]


def source(words: list[str] | None, command: str | None, **more: Any) -> Source:
    """Sort words into a study file and overrides."""
    from fairtrial.errors import UserError
    from fairtrial.flow.declare import Source

    overrides = [word for word in words or () if is_override(word)]
    files = [word for word in words or () if not is_override(word)]
    if command is not None and files:
        raise UserError(f"{files[0]!r} is no override", hint="with --command, words are PATH=VALUE")
    if len(files) > 1:
        other = next((file for file in files[1:] if not Path(file).exists()), None)
        if other is not None:
            raise UserError(f"{other!r} is no file and no override", hint=f"{other}=VALUE sets a path of the study")
        raise UserError(f"one study at a time: {files[0]!r} and {files[1]!r} were given")
    file = Path(files[0]) if files else None
    return Source(file=file, command=command, overrides=tuple(overrides), **more)


def is_override(word: str) -> bool:
    """Say whether a word of the command line is an override (`a.b=3`, `+a.b=3`, `~a.b`) and not a file."""
    return "=" in word or word.startswith("~")


def init(folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path()) -> None:
    """Write a study and a system to start from."""
    from fairtrial.flow.begin import begin

    for path in begin(folder):
        note(f"wrote {path}")
    say(f"next: fairtrial run {folder / 'study.yaml'}")


def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.declare import schema as make

    say(json.dumps(make(Registry()), indent=2))


def check(
    words: Words = None,
    command: Command = None,
    name: Name = None,
    replicates: Replicates = None,
    metric: Metric = None,
    as_json: AsJson = False,
) -> None:
    """Read a study, bind its system and check every level, without looking at the book."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.declare import declare, open_plan
    from fairtrial.flow.inputs import check_files

    made = source(words, command, name=name, replicates=replicates, metrics=tuple(metric or ()))
    registry = Registry()
    declared = declare(made, registry=registry)
    check_files(declared.study)
    _, opened = open_plan(declared, registry=registry)
    plan = opened.ask()
    trials = plan.count().trials if plan else 0
    if plan and trials != 0:
        plan.trial(next(iter(plan.blocks())).start)
    if as_json:
        envelope("check", {"study": declared.study.name, "trials": trials, "document": declared.study.document})
        return
    counted = "not counted" if trials is None else f"{trials} trials"
    say(f"{declared.study.name}: well formed, {counted}, system {declared.system.name}")


def plan(
    words: Words = None,
    command: Command = None,
    name: Name = None,
    replicates: Replicates = None,
    metric: Metric = None,
    only: Only = None,
    limit: Limit = None,
    fresh: Fresh = False,
    every: Annotated[bool, typer.Option("--all", help="Print every trial.")] = False,
    page: Annotated[int, typer.Option("--page", min=0, help="Print so many trials.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Say what `run` would do: its trials, what is new, reused or stale, how long it may take. Writes nothing."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.declare import declare, survey

    made = source(words, command, name=name, replicates=replicates, metrics=tuple(metric or ()))
    registry = Registry()
    declared = declare(made, registry=registry)
    found = survey(
        declared,
        registry=registry,
        home=None,
        only=only,
        limit=limit,
        page=10**12 if every else page,
        fresh=fresh,
    )
    if as_json:
        shown = {**plain(found), "page": [_planned(trial, status) for trial, status in found.page]}
        envelope("plan", shown, truncated=_cut(found), next_command="fairtrial run")
        return
    _print_plan(found)


def _planned(trial: Trial, status: str) -> dict[str, Any]:
    condition = trial.condition
    return {
        "position": trial.position,
        "status": status,
        "variant": condition.variant,
        "assignment": condition.assignment,
        "parameters": condition.parameters,
        "replicate": trial.replicate,
        "seed": trial.seed,
        "digest": trial.digest.hex(),
    }


def _cut(found: Survey) -> bool:
    return found.count.trials is None or len(found.page) < found.count.trials


def _print_plan(found: Survey) -> None:
    from fairtrial.cli import tables

    if found.page:
        tables.planned(found.page)
    total = "not counted" if found.count.trials is None else str(found.count.trials)
    if _cut(found):
        say(f"… the first {len(found.page)} of {total} trials; --all prints every one, --page N so many")
    for sentence in sentences(found):
        say(sentence)


def sentences(found: Survey) -> list[str]:
    """Say what a plan would do, or is about to do, in lines."""
    from fairtrial.cli import tables

    run = "a new run" if found.run is None else f"run {found.run}"
    counts: dict[str, int | None] = {
        "new": found.new,
        "done": found.done,
        "failed": found.failed,
        "reused": found.reused,
        "retried": found.retried,
        "retired": found.retired,
    }
    parts = [f"{count} {name}" for name, count in counts.items() if count or (count == 0 and name in ("new", "done"))]
    if found.new is None:
        total = found.count.trials
        parts = [f"{'an uncounted number of' if total is None else total} trials, looked up in the book as they run"]
    said = [f"{found.study}: {run}: " + ", ".join(parts)]
    for reason, count in found.stale.items():
        said.append(f"  {count} of the new are stale: {reason} (`code: version` keeps results when code changes)")
    if found.unlooked and found.stale:
        said.append(f"  {found.unlooked} new trials were not looked up")
    for rule, removed in found.count.excluded.items():
        said.append(f"  excluded by {rule!r}: {'not counted' if removed is None else removed} conditions")
    if found.count.note:
        said.append(f"  {found.count.note}")
    estimate = tables.estimate(found.estimate, found.jobs)
    return said + ([f"  {estimate}"] if estimate else [])
