"""`compare`, `aa`, `baseline`, `gate`: one run against another, and what may be concluded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtrial.cli.console import envelope, note, number, plain, say, when
from fairtrial.cli.declare import AsJson, Words, is_override, source
from fairtrial.cli.run import Engine, Quiet, Why, listeners, live
from fairtrial.errors import UserError

if TYPE_CHECKING:
    from fairtrial.flow.aa import Unchanged
    from fairtrial.flow.paired import Duel, Match
    from fairtrial.model.comparison import Comparison, Shift

Rounds = Annotated[
    int | None, typer.Option("--rounds", min=2, help="Rounds, the first look's where there are several.")
]
Looks = Annotated[int, typer.Option("--looks", min=1, help="Go on with more rounds while open, so many looks in all.")]
Most = Annotated[int | None, typer.Option("--most", min=2, help="Rounds of the last look.")]
Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML too.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")]
WIDE = 60


def compare(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BASELINE CURRENT [PATH=VALUE]...",
            help="Two runs, or with --paired two study files and overrides of both.",
        ),
    ] = None,
    is_paired: Annotated[bool, typer.Option("--paired", help="Run two studies now, interleaved, and compare.")] = False,
    rounds: Rounds = None,
    looks: Looks = 1,
    most: Most = None,
    history: Annotated[
        str | None, typer.Option("--history", metavar="STUDY", help="Changes over all runs of a study (advisory).")
    ] = None,
    engine: Engine = None,
    why: Why = "",
    junit: Junit = None,
    as_markdown: Markdown = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Compare two runs: PASS (exit 0), FAIL (4), INCONCLUSIVE (5), INVALID (6); runs of different times never FAIL."""
    from fairtrial.flow.compare import Asked
    from fairtrial.flow.compare import compare as stored

    asked = Asked("compare", why, tuple(sys.argv))
    if history is not None:
        return _history(history, as_json=as_json)
    more = [word for word in words or [] if is_paired and is_override(word)]
    first, second = _two([word for word in words or [] if word not in more], files=is_paired)
    if is_paired:
        match = _match(asked, rounds=rounds, looks=looks, most=most, engine=engine)
        return _paired([[first, *more], [second, *more]], match, quiet=quiet, shown=(junit, as_markdown, as_json))
    return _finish(stored(None, _run(first), _run(second), asked=asked), junit, as_markdown, as_json)


def _two(words: list[str], *, files: bool) -> tuple[str, str]:
    if len(words) != 2:
        what, example = ("study files", "--paired a.yaml b.yaml") if files else ("runs", "29 35")
        raise UserError(f"two {what} are compared, {len(words)} were named", hint=f"fairtrial compare {example}")
    return words[0], words[1]


def _run(word: str) -> int:
    if not word.isdigit():
        raise UserError(f"{word!r} is no run's number", hint="two study files are compared with --paired")
    return int(word)


def _match(asked: Any, *, rounds: int | None, looks: int, most: int | None, engine: str | None) -> Match:
    from fairtrial.flow.paired import Match

    return Match(rounds=rounds, looks=looks, most=most, engine=engine, asked=asked)


def _paired(words: list[list[str]], match: Match, *, quiet: bool, shown: tuple[Path | None, bool, bool]) -> int:
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.declare import declare
    from fairtrial.flow.paired import paired

    registry = Registry()
    sides = [declare(source(said, None), registry=registry) for said in words]
    with live(quiet) as screen:
        duel = paired(None, *sides, registry=registry, match=match, listeners=listeners(screen, quiet))
    return _ended(duel, shown)


def _ended(duel: Duel, shown: tuple[Path | None, bool, bool]) -> int:
    for caution in duel.cautions:
        note(f"caution: {caution}")
    if duel.comparison is not None:
        return _finish(duel.comparison, *shown)
    first, second = duel.runs
    reason = f" ({duel.reason})" if duel.reason else ""
    if shown[2]:
        envelope("compare", {"runs": duel.runs, "state": duel.state, "reason": duel.reason})
    else:
        say(f"runs {first} and {second}: {duel.state}{reason}, no verdict yet")
        say("next: the same command again continues it")
    return duel.broken_code


def gate(
    run_number: Annotated[int | None, typer.Argument(metavar="[RUN]", help="The newest run unless given.")] = None,
    against: Annotated[
        str, typer.Option("--against", metavar="RUN|NAME", help="A run, a baseline's name, or the study's baseline.")
    ] = "baseline",
    again: Annotated[bool, typer.Option("--confirm", help="Measure both again now, interleaved, and decide.")] = False,
    rounds: Rounds = None,
    looks: Looks = 1,
    most: Most = None,
    engine: Engine = None,
    why: Why = "",
    junit: Junit = None,
    as_markdown: Markdown = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Compare a run with its baseline: PASS (exit 0), FAIL (4), INCONCLUSIVE (5) or INVALID (6)."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.compare import Asked
    from fairtrial.flow.gate import confirm
    from fairtrial.flow.gate import gate as stored

    asked = Asked("gate", why, tuple(sys.argv))
    if not again:
        return _finish(stored(None, run_number, against=against, asked=asked), junit, as_markdown, as_json)
    match = _match(asked, rounds=rounds, looks=looks, most=most, engine=engine)
    with live(quiet) as screen:
        duel = confirm(
            None, run_number, against=against, registry=Registry(), match=match, listeners=listeners(screen, quiet)
        )
    return _ended(duel, (junit, as_markdown, as_json))


def _finish(found: Comparison, junit: Path | None, as_markdown: bool, as_json: bool) -> int:
    from fairtrial.flow.compare import EXIT, markdown, write_junit

    if junit is not None:
        write_junit(found, junit)
    if as_json:
        envelope("compare", {**plain(found), "exit_code": EXIT[found.verdict]}, next_command=found.next_command or None)
    elif as_markdown:
        say(markdown(found).rstrip("\n"))
    else:
        _print(found)
    return EXIT[found.verdict]


def _print(found: Comparison) -> None:
    """Print the banner, the table, the reasons to doubt it and the closing line."""
    from fairtrial.cli import tables
    from fairtrial.flow.compare import table

    heads, rows, numbers, result = table(found)
    _banner(f"Comparison: {found.baseline.run} (baseline) vs {found.current.run} (current)")
    say()
    factors = [head for head in heads if head not in ("Metric", "Status", *numbers)]
    made = tables.table(*heads, right=numbers, lift=factors)
    for row in rows:
        made.add_row(*row)
    tables.show(made)
    say(f"95 % t intervals over replicates; worse by: {100 * (1 - 2 * found.alpha):.3g} % interval, + is worse")
    for label in found.unlike:
        say(f"differs: {label}")
    for caution in found.cautions:
        say(f"caution: {caution.text} {caution.advice}")
    if found.false_alarms is not None:
        say(_alarms(found.false_alarms))
    say()
    _banner(result)
    say(found.answer)
    if found.next_command:
        say(f"next: {found.next_command}")


def _banner(text: str) -> None:
    say("=" * WIDE)
    say(text)
    if text.startswith("Comparison"):
        say("=" * WIDE)


def _alarms(found: Any) -> str:
    ends = f"{100 * found.interval.low:.2g} to {100 * found.interval.high:.2g} %"
    said = f"empirical false-alarm rate of this gate here: {found.alarms}/{found.repeats} [{ends}]"
    band = "" if found.band is None else f"; an unchanged system moves by up to {100 * found.band:.2g} %"
    return f"{said}, drawn from {found.pairs} stored differences{band}"


def aa(
    words: Words = None,
    rounds: Rounds = None,
    engine: Engine = None,
    why: Why = "",
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run a study against itself, interleaved, and say how often this gate fails what is unchanged here."""
    from fairtrial.contract.registry import Registry
    from fairtrial.flow.aa import aa as run
    from fairtrial.flow.compare import Asked
    from fairtrial.flow.declare import declare

    registry = Registry()
    declared = declare(source(words, None), registry=registry)
    match = _match(Asked("aa", why, tuple(sys.argv)), rounds=rounds, looks=1, most=None, engine=engine)
    with live(quiet) as screen:
        found = run(None, declared, registry=registry, match=match, listeners=listeners(screen, quiet))
    if found.duel.comparison is None:
        return _ended(found.duel, (None, False, as_json))
    if as_json:
        envelope("aa", {**plain(found.duel.comparison), "nulls": found.nulls, "still": found.still})
    else:
        _print_unchanged(found)
    return 6 if found.duel.comparison.verdict == "INVALID" else 0


def _print_unchanged(found: Unchanged) -> None:
    assert found.duel.comparison is not None
    _print(found.duel.comparison)
    for null in found.nulls:
        if null.metric not in found.still:
            say(f"kept {len(null.differences)} differences of {null.metric} on {null.machine}")
    if found.still:
        names = ", ".join(found.still)
        say(f"{names}: no two values differed, so this null is degenerate and says nothing about noise")


def baseline(
    action: Annotated[str, typer.Argument(metavar="set|list", help="Make a run a baseline, or list them.")] = "list",
    run_number: Annotated[int | None, typer.Argument(metavar="[RUN]", help="The newest run unless given.")] = None,
    name: Annotated[str, typer.Option("--name", help="Its name; the study's unless given.")] = "",
    category: Annotated[str, typer.Option("--category", help="What kind of baseline it is.")] = "",
    remark: Annotated[str, typer.Option("--note", help="A remark, shown in the list.")] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Make a run a baseline, which `gate` compares with, or list the baselines."""
    from fairtrial.errors import UnknownName
    from fairtrial.flow.baseline import all_baselines, set_baseline

    if action == "list":
        _print_baselines(all_baselines(None), as_json=as_json)
        return
    if action != "set":
        raise UnknownName("word after baseline", action, ("set", "list"))
    made = set_baseline(None, run_number, name=name, category=category, note=remark, why=why, command=tuple(sys.argv))
    if as_json:
        envelope("baseline", made)
    else:
        say(f"run {made.run} of {made.study} is baseline {made.name!r}")
        say("next: fairtrial gate RUN")


def _print_baselines(found: list[Any], *, as_json: bool) -> None:
    from fairtrial.cli import tables

    if as_json:
        envelope("baselines", found)
        return
    made = tables.table("name", "run", "study", "category", "note", "set", right=("run",))
    for item in found:
        made.add_row(item.name, item.place, item.study, item.category, item.note, when(item.at))
    if found:
        tables.show(made)
    else:
        say("no baseline was set (fairtrial baseline set RUN)")


def _history(study: str, *, as_json: bool) -> int:
    from fairtrial.flow.history import history

    found = history(None, study)
    if as_json:
        envelope("history", found)
        return 0
    say(found.answer)
    for shift in found.shifts:
        say(_shift(shift))
    return 0


def _shift(shift: Shift) -> str:
    condition = ", ".join(f"{path}={value}" for path, value in shift.assignment.items())
    where = ", ".join(filter(None, (shift.variant, condition)))
    (last, before), (first, after) = shift.before, shift.after
    place = f"{shift.metric}{f' at {where}' if where else ''}"
    dates = f"between run {last} ({when(before)}) and run {first} ({when(after)})"
    return f"{place}: {100 * shift.change:+.3g} % {dates}, p {number(shift.p_adjusted, 2)} (corrected)"
