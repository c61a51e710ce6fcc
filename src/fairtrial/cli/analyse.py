"""`analyse`, `confirm`, `report`, `selftest`: from measurements to conclusions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtrial.cli.console import envelope, note, plain, say
from fairtrial.cli.declare import AsJson
from fairtrial.cli.run import Quiet, Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairtrial.flow.confirm import Confirmed
    from fairtrial.flow.selftest.run import Rate

RunNumber = Annotated[int | None, typer.Argument(metavar="[RUN]", help="The newest run unless given.")]
Arm = Annotated[list[str] | None, typer.Option("--arm", help="Only this arm; may be repeated.")]


def analyse(
    run_number: RunNumber = None,
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            help="claims, effects, threshold, optimum, saturation, scaling, crossover, text or search; "
            "what fits the study unless given.",
        ),
    ] = None,
    metric: Annotated[str | None, typer.Option("--metric", help="The first with a direction unless given.")] = None,
    factor: Annotated[str | None, typer.Option("--factor", help="Along which factor.")] = None,
    arm: Arm = None,
    change: Annotated[
        float, typer.Option("--change", min=0, help="threshold: list adjacent means that differ by this share.")
    ] = 0.5,
    margin: Annotated[
        float | None, typer.Option("--margin", min=0, help="Differences up to this do not matter (metric's unit).")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="search: how many of the best to describe.")] = 10,
    response: Annotated[str | None, typer.Option("--response", help="saturation: metric of the response time.")] = None,
    think_s: Annotated[float, typer.Option("--think", min=0, help="saturation: think time in seconds.")] = 0.0,
    keyword: Annotated[str | None, typer.Option("--keyword", help="text: the word to look for.")] = None,
    table: Annotated[str | None, typer.Option("--table", help="text: the raw table.")] = None,
    column: Annotated[str | None, typer.Option("--column", help="text: its column.")] = None,
    prompts: Annotated[str | None, typer.Option("--prompts", help="text: the column of what was asked.")] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Ask a run a question; the answer may be "none" or "inconclusive"."""
    from fairtrial.flow.analyse import Question, answers, remember

    asked = Question(
        metric=metric,
        factor=factor,
        arms=tuple(arm or ()),
        change=change,
        margin=margin,
        top=top,
        response=response,
        think_s=think_s,
        keyword=keyword,
        table=table,
        column=column,
        prompts=prompts,
    )
    findings = answers(None, run_number, of, asked)
    if why:
        remember(None, run_number, findings, why=why, command=sys.argv)
    if as_json:
        envelope("analyse", findings)
        return
    for kind, found in findings.items():
        _print_findings(kind, found)
    if not any(findings.values()):
        _print_described(run_number)


def _print_described(run_number: int | None) -> None:
    from fairtrial.cli import tables
    from fairtrial.flow.report import described

    tables.section(described(None, run_number))


def _print_findings(kind: str, findings: Sequence[Any]) -> None:
    from fairtrial.cli import tables
    from fairtrial.flow.report import sections

    for section in sections(kind, findings):
        tables.section(section)
    for doubt in dict.fromkeys(doubt for finding in findings for doubt in getattr(finding, "cautions", ())):
        say(f"caution: {doubt.text} {doubt.advice}")


def confirm(
    run_number: RunNumber = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="How many of the best; `confirm:` says it.")] = None,
    replicates: Annotated[int | None, typer.Option("--replicates", min=2, help="How often each.")] = None,
    why: Why = "",
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Measure the best conditions again on fresh seeds (exit 4: the best did not hold, 5: inconclusive)."""
    from fairtrial.cli.run import listeners, live
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.confirm import confirm as start
    from fairtrial.flow.session import Order

    order = Order(verb="confirm", why=why, command=tuple(sys.argv))
    with live(quiet) as shown:
        made = start(
            None,
            run_number,
            registry=Registry(),
            top=top,
            replicates=replicates,
            order=order,
            listeners=listeners(shown, quiet),
        )
    if as_json:
        envelope("confirm", made, next_command=f"fairtrial report {made.of}")
    else:
        _print_confirmed(made)
    verdict = {"supported": 0, "not supported": 4}.get(made.verdict.value, 5)
    ended = made.ended.exit_code
    return ended if ended not in (0, 3) else verdict or ended  # a verdict says more than that a trial failed


def _print_confirmed(made: Confirmed) -> None:
    from fairtrial.cli import tables
    from fairtrial.flow.report import sections

    for section in sections("again", made.again):
        tables.section(section)
    say(f"run {made.ended.run.number} measured the best of run {made.of} again: {made.verdict.value}")
    say(f"  {made.answer}")
    say(f"next: fairtrial report {made.of}")


def report(
    run_number: RunNumber = None,
    write: Annotated[bool, typer.Option("-o", "--write", help="Write reports/RUN, with plots and data.")] = False,
    folder: Annotated[Path | None, typer.Option("--folder", help="Write into this folder instead.")] = None,
    of: Annotated[
        list[str] | None, typer.Option("--of", help="An analysis to add (see analyse); may be repeated.")
    ] = None,
    factor: Annotated[str | None, typer.Option("--factor", help="Along which factor, for what is added.")] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Print a run's report as Markdown; with -o write it into reports/RUN, with plots and data."""
    from fairtrial.flow.report import document, publish

    if not write and folder is None:
        found = document(None, run_number, of=tuple(of or ()), factor=factor)
        if as_json:
            envelope("report", found)
            return
        from fairtrial.flow.report import markdown

        sys.stdout.write(markdown(found))
        return
    made = publish(None, run_number, folder, of=tuple(of or ()), factor=factor, why=why, command=sys.argv)
    if as_json:
        envelope("report", list(made.paths))
        return
    say(f"{made.title}: {made.answer}\n")
    plots = sum(path.suffix == ".png" for path in made.paths)
    say(str(made.folder / "report.html"))
    say(f"{made.folder / 'report.md'}, with {plots} plots in plots/ and their numbers in data/")


def selftest(
    only: Annotated[list[str] | None, typer.Argument(metavar="[DETECTOR]...", help="All of them unless given.")] = None,
    full: Annotated[bool, typer.Option("--full", help="The slow cells too.")] = False,
    share: Annotated[
        float, typer.Option("--share", min=0.001, max=1, help="This share of the repeats, for a quick look.")
    ] = 1.0,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; one a CPU unless given.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Measure how often every detector is wrong, on nothing and on planted effects (exit 4: a promise is broken)."""
    from fairtrial.flow.selftest.run import selftest as measure

    def progress(rate: Rate) -> None:
        note(
            f"{'ok' if rate.holds else 'NO':3} {rate.detector}: {rate.world}, {rate.size}: {rate.fired}/{rate.repeats}"
        )

    slow = None if full else False
    rates = measure(only=tuple(only or ()), slow=slow, share=share, jobs=jobs, on_rate=None if quiet else progress)
    if as_json:
        envelope("selftest", [{**plain(rate), "holds": rate.holds} for rate in rates])
    elif markdown:
        _print_markdown(rates)
    else:
        _print_rates(rates)
    return 0 if all(rate.holds for rate in rates) else 4


HEADS = ("detector", "world", "size", "promised", "measured", "95 % interval", "holds")


def _rows(rates: list[Rate]) -> list[tuple[str, ...]]:
    return [
        (
            rate.detector,
            rate.world,
            rate.size,
            f"{'power' if rate.planted else 'alarms'} {'≥' if rate.planted else '≤'} {rate.promised:.3g}",
            f"{rate.fired / rate.repeats:.3f} of {rate.repeats}",
            f"{rate.interval.low:.3f} to {rate.interval.high:.3f}",
            "yes" if rate.holds else "NO",
        )
        for rate in rates
    ]


def _print_rates(rates: list[Rate]) -> None:
    from fairtrial.cli import tables

    made = tables.table(*HEADS)
    for row in _rows(rates):
        made.add_row(*row)
    tables.show(made)


def _print_markdown(rates: list[Rate]) -> None:
    say("| " + " | ".join(HEADS) + " |")
    say("|" + " --- |" * len(HEADS))
    for row in _rows(rates):
        say("| " + " | ".join(row) + " |")
