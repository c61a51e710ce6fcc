"""The command `fairtrial`: its verbs in workflow order, and errors as one line with an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any, NoReturn

import typer

from fairtrial.cli.acting import acting
from fairtrial.errors import FairtrialError, nearest

VERBS: dict[str, tuple[str, str, str]] = {
    "init": ("declare", "init", "Write a study and a system to start from."),
    "schema": ("declare", "schema", "Print the JSON Schema of study files."),
    "check": ("declare", "check", "Read a study and check every level."),
    "plan": ("declare", "plan", "Say what `run` would do; write nothing."),
    "run": ("run", "run", "Run what is left of a study."),
    "watch": ("steer", "watch", "Show the progress of a running study."),
    "list": ("read", "list_runs", "List runs, newest first."),
    "show": ("read", "show", "Show a run, or one trial."),
    "logs": ("read", "logs", "Print what an attempt wrote."),
    "why": ("read", "why", "Say why a trial ran, was reused or failed."),
    "cancel": ("steer", "cancel", "Stop a running study, or one trial."),
    "pause": ("steer", "pause", "Start no new trials until `resume`."),
    "resume": ("steer", "resume", "Go on after `pause`."),
    "retry": ("run", "retry", "Run the failed trials of a run once more."),
    "set": ("steer", "set_option", "Change the jobs of a running study."),
    "analyse": ("analyse", "analyse", "Ask a run a question."),
    "confirm": ("analyse", "confirm", "Measure the best again on fresh seeds."),
    "report": ("analyse", "report", "Print or write a run's report."),
    "compare": ("compare", "compare", "Compare two runs."),
    "aa": ("compare", "aa", "Run a study against itself."),
    "baseline": ("compare", "baseline", "Set or list baselines."),
    "gate": ("compare", "gate", "Compare a run with its baseline."),
    "promote": ("promote", "promote", "Write a winner into a configuration."),
    "undo": ("promote", "undo", "Take a promotion back."),
    "log": ("log", "log", "List what was done, and why."),
    "note": ("log", "note", "Add what you think to an entry of the log."),
    "export": ("keep", "export", "Write a run as Parquet, CSV and JSON."),
    "import": ("keep", "import_results", "Take results from elsewhere into the book."),
    "mirror": ("keep", "mirror", "Bring to MLflow what waits of runs."),
    "verify": ("keep", "verify", "Check that the book is whole."),
    "reproduce": ("run", "reproduce", "Make a run again and compare the numbers."),
    "gc": ("keep", "gc", "Remove what no run refers to."),
    "selftest": ("analyse", "selftest", "Measure how often every detector is wrong."),
    "doctor": ("keep", "doctor", "Say what this machine can promise."),
    "studies": ("studies", "studies", "List the studies that systems bring."),
}
"""Verb -> its file, its function and its line in the overview."""


def application(asked: str | None, then: str | None = None) -> typer.Typer:
    """Make the command line; of all verbs only the one that is asked for is loaded.

    `then` is the word after it: the verb of a system, where `asked` is one that brings verbs. Raises UnknownName for a
    verb that this system does not bring.
    """
    app = typer.Typer(
        name="fairtrial",
        help="Give every configuration a fair trial: experiments over parameters that can be believed.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # its help costs 0.1 s of CPU
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name, (_, _, line) in VERBS.items():
        app.command(name, short_help=line)(_function(name) if name == asked else _unloaded)
    if asked not in VERBS:
        _add_systems(app, asked, then)
    app.callback(invoke_without_command=True)(_top)
    return app


def _add_systems(app: typer.Typer, asked: str | None, then: str | None) -> None:
    """Add the systems that bring verbs; only those of the system that is asked for are imported."""
    from fairtrial.cli.verb import group, systems

    for system, verbs in systems().items():
        if system in VERBS:
            continue
        if system == asked:
            app.add_typer(group(system, then))
        else:
            app.command(system, short_help=f"Of this system: {', '.join(verbs)}.")(_unloaded)


def _function(verb: str) -> Callable[..., Any]:
    file, function, _ = VERBS[verb]
    return acting(verb, getattr(_file(file), function))


def _file(name: str) -> ModuleType:
    match name:
        case "analyse":
            from fairtrial.cli import analyse

            return analyse
        case "compare":
            from fairtrial.cli import compare

            return compare
        case "declare":
            from fairtrial.cli import declare

            return declare
        case "keep":
            from fairtrial.cli import keep

            return keep
        case "log":
            from fairtrial.cli import log

            return log
        case "promote":
            from fairtrial.cli import promote

            return promote
        case "read":
            from fairtrial.cli import read

            return read
        case "run":
            from fairtrial.cli import run

            return run
        case "studies":
            from fairtrial.cli import studies

            return studies
        case _:
            from fairtrial.cli import steer

            return steer


def _unloaded() -> None:
    """Stand for a verb in the overview."""


def _top(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Give every configuration a fair trial: experiments over parameters that can be believed."""
    if version:
        from fairtrial import __version__

        typer.echo(f"fairtrial {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


FULL = (errno.ENOSPC, errno.EDQUOT)
RIGHTS = (errno.EACCES, errno.EPERM, errno.EROFS, *FULL)
"""What the machine refuses: a right or room is missing, and no bug of ours."""


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    code = run_command()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run_command() -> int:
    """Run the command line and return its exit code; every error is one line on stderr."""
    try:
        asked, then = [*(word for word in sys.argv[1:] if not word.startswith("-")), None, None][:2]
        result = application(asked, then)(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except FairtrialError as problem:
        return _refuse(str(problem), problem.exit_code)
    except typer.Exit as problem:
        return problem.exit_code
    except KeyboardInterrupt:
        return _refuse("interrupted", 130)
    except BrokenPipeError:
        return 0
    except SystemExit as problem:  # typer's answer to a pipe that its reader closed
        return 0 if isinstance(problem.__context__, BrokenPipeError) else int(problem.code or 0)
    except Exception as problem:  # noqa: BLE001 - the one place where anything left is a bug of ours
        return _unexpected(problem)


def _unexpected(problem: Exception) -> int:
    if hasattr(problem, "format_message") and hasattr(problem, "exit_code"):
        return _refuse(_usage(problem), 2)
    if isinstance(problem, OSError) and problem.errno in RIGHTS:
        if problem.filename:
            return _refuse(f"{os.fsdecode(problem.filename)}: {problem.strerror}", 8)
        if problem.errno in FULL:  # a write names no file
            return _refuse(f"{problem.strerror} (make room and run the same command again: it continues)", 8)
    traceback.print_exc()
    return _refuse(f"a bug of ours: {type(problem).__name__}: {problem}", 1)


def _usage(problem: Exception) -> str:
    message = str(problem.format_message()).rstrip(".")  # type: ignore[attr-defined]
    if message.startswith("No such command"):
        from fairtrial.cli.verb import systems

        word = message.split("'")[1]
        return f"unknown verb {word!r} ({nearest(word, [*VERBS, *systems()])})"
    return " ".join(message.split())


def _refuse(message: str, code: int) -> int:
    sys.stderr.write(f"fairtrial: {message}\n")
    return code
