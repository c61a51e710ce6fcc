"""The command `fairtrial`: its verbs in workflow order, and errors as one line with an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from fairtrial.cli import declare, keep, read, run, steer
from fairtrial.errors import FairtrialError, nearest

app = typer.Typer(
    name="fairtrial",
    help="Give every configuration a fair trial: experiments over parameters that can be believed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its help costs 0.1 s of CPU
    context_settings={"help_option_names": ["-h", "--help"]},
)

VERBS: dict[str, Callable[..., Any]] = {
    "init": declare.init,
    "schema": declare.schema,
    "check": declare.check,
    "plan": declare.plan,
    "run": run.run,
    "watch": steer.watch,
    "list": read.list_runs,
    "show": read.show,
    "logs": read.logs,
    "why": read.why,
    "cancel": steer.cancel,
    "pause": steer.pause,
    "resume": steer.resume,
    "retry": run.retry,
    "set": steer.set_option,
    "export": keep.export,
    "import": keep.import_results,
    "verify": keep.verify,
    "reproduce": run.reproduce,
    "gc": keep.gc,
    "doctor": keep.doctor,
}
for _name, _verb in VERBS.items():
    app.command(_name)(_verb)


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Give every configuration a fair trial: experiments over parameters that can be believed."""
    if version:
        from fairtrial import __version__

        typer.echo(f"fairtrial {__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    code = run_command()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run_command() -> int:
    """Run the command line and return its exit code; every error is one line on stderr."""
    try:
        result = app(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except FairtrialError as problem:
        return _refuse(str(problem), problem.exit_code)
    except typer.Exit as problem:
        return problem.exit_code
    except KeyboardInterrupt:
        return _refuse("interrupted", 130)
    except BrokenPipeError:
        return 0
    except Exception as problem:  # noqa: BLE001 - the one place where anything left is a bug of ours
        return _unexpected(problem)


def _unexpected(problem: Exception) -> int:
    if hasattr(problem, "format_message") and hasattr(problem, "exit_code"):
        return _refuse(_usage(problem), 2)
    traceback.print_exc()
    return _refuse(f"a bug of ours: {type(problem).__name__}: {problem}", 1)


def _usage(problem: Exception) -> str:
    message = str(problem.format_message()).rstrip(".")  # type: ignore[attr-defined]
    if message.startswith("No such command"):
        word = message.split("'")[1]
        return f"unknown verb {word!r} ({nearest(word, VERBS)})"
    return " ".join(message.split())


def _refuse(message: str, code: int) -> int:
    sys.stderr.write(f"fairtrial: {message}\n")
    return code
