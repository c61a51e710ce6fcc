"""`watch`, `cancel`, `pause`, `resume`, `set`: a running study from another terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from fairtrial.cli.console import envelope, say
from fairtrial.cli.declare import AsJson
from fairtrial.cli.run import Quiet, Why
from fairtrial.errors import UserError

Target = Annotated[str | None, typer.Argument(metavar="[STUDY|RUN]", help="The newest run unless given.")]


def watch(target: Target = None, quiet: Quiet = False, as_json: AsJson = False) -> int:
    """Show the progress of a running study until it ends."""
    from fairtrial.cli.live import Live, line
    from fairtrial.flow.steer import watch as follow

    last = None
    with Live(quiet=quiet or as_json) as live:
        for progress in follow(None, target):
            live.show(progress)
            last = progress
            if as_json:
                envelope("progress", progress)
    if last is not None and not as_json:
        say(f"run {last.run} of {last.study}: {line(last)}")
    return 3 if last is not None and last.failed else 0


def cancel(
    target: Target = None,
    trial: Annotated[str | None, typer.Option("--trial", help="Only this trial (RUN.NUMBER or digest).")] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Stop a running study at once; the same `run` continues it."""
    message: dict[str, Any] = {"verb": "cancel"}
    if trial is not None:
        from fairtrial.flow.steer import running_trial

        target, message["trial"] = running_trial(None, trial)
    _act(target, message, why=why, as_json=as_json)


def pause(target: Target = None, why: Why = "", as_json: AsJson = False) -> None:
    """Start no new trials until `resume`; running ones go on."""
    _act(target, {"verb": "pause"}, why=why, as_json=as_json)


def resume(target: Target = None, why: Why = "", as_json: AsJson = False) -> None:
    """Go on after `pause`."""
    _act(target, {"verb": "resume"}, why=why, as_json=as_json)


def set_option(
    words: Annotated[list[str], typer.Argument(metavar="[STUDY|RUN] jobs=N")],
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Change how many trials a running study runs at once."""
    settings = [word for word in words if "=" in word]
    targets = [word for word in words if "=" not in word]
    if len(settings) != 1 or len(targets) > 1 or not settings[0].startswith("jobs="):
        raise UserError(f"cannot set {' '.join(words)!r}", hint="fairtrial set jobs=N")
    count = settings[0].removeprefix("jobs=")
    if count != "auto" and (not count.isdigit() or int(count) < 1):
        raise UserError(f"jobs={count}: jobs is a whole number of at least 1, or auto")
    jobs = count if count == "auto" else int(count)
    _act(targets[0] if targets else None, {"verb": "set", "jobs": jobs}, why=why, as_json=as_json)


def _act(target: str | None, message: Mapping[str, Any], *, why: str, as_json: bool) -> None:
    from fairtrial.flow.steer import act

    answer = act(None, target, message, why=why, command=sys.argv)
    if as_json:
        envelope(str(message["verb"]), answer)
    else:
        say(_said(message, answer))


def _said(message: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    progress = answer["progress"]
    study, running = progress["study"], progress["running"]
    if message["verb"] == "cancel":
        return "the trial is being cancelled" if "trial" in message else f"{study} is being stopped; `run` continues it"
    if message["verb"] == "pause":
        return f"{study} is paused, {running} running trials go on; next: fairtrial resume {study}"
    if message["verb"] == "set":
        return f"{study} runs {message['jobs']} jobs"
    return f"{study} goes on"
