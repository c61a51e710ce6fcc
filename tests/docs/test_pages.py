"""The documentation is true: every command shown is run, every link resolves, decisions keep to their length.

A page is one session, in order, in a fresh folder that holds a copy of `studies/`. In a fence marked `console`, a line
that starts with `$ ` is a command (a backslash continues it) and must exit 0; `console exit=3` says what the fence's
last command exits with instead. The other lines are output: they must be printed, but for `…` (something is left out)
and for blanks and line ends. `yaml file=study.yaml` and `python file=model.py` show files: they are written before the
commands below them run. `make …` is not run here: its target must exist, also in fences marked `text`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")) if path.is_file())
PAGE_LIMIT_S = 240

FENCE = re.compile(r"^```(?P<kind>\w*)(?P<words>[^\n`]*)\n(?P<body>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """A command of a page, the line it stands on, and what it must exit with."""

    text: str
    line: int
    exit_code: int = 0


@dataclass(frozen=True)
class Shown:
    """A file that a page shows."""

    name: str
    text: str


def steps(page: str) -> Iterator[Command | Shown]:
    """Yield what a page shows and types, in order."""
    for fence in FENCE.finditer(page):
        words = dict(word.partition("=")[::2] for word in fence["words"].split())
        if "file" in words:
            yield Shown(words["file"], fence["body"])
        elif fence["kind"] in ("console", "text"):
            first = page.count("\n", 0, fence.start("body")) + 1
            typed = [
                command for command in commands(fence["body"], first) if fence["kind"] == "console" or is_make(command)
            ]
            yield from typed[:-1]
            yield from (Command(command.text, command.line, int(words.get("exit", 0))) for command in typed[-1:])


def commands(body: str, first_line: int) -> Iterator[Command]:
    """Yield the commands of a fence: lines after `$ `, with the lines that a backslash joins to them."""
    lines = iter(enumerate(body.splitlines(), first_line))
    for number, line in lines:
        if not line.startswith("$ "):
            continue
        text = line[2:]
        while text.endswith("\\"):
            text += "\n" + next(lines)[1]
        yield Command(text, number)


def output(page: str) -> Iterator[str]:
    """Yield the output that a page shows: the lines after its commands, each in the pieces between `…`."""
    for fence in FENCE.finditer(page):
        if fence["kind"] != "console":
            continue
        typed = "\n".join(f"$ {command.text}" for command in commands(fence["body"], 0)).splitlines()
        lines = (line for line in fence["body"].splitlines() if line not in typed)
        yield from (piece for line in lines for piece in map(squeezed, line.split("…")) if piece)


def squeezed(text: str) -> str:
    """Write a text with one blank wherever it has several, or a line ends."""
    return " ".join(text.split())


def is_make(command: Command) -> bool:
    """Say whether a command is a call of make."""
    return command.text.split()[:1] == ["make"]


def script(page: list[Command | Shown], folder: Path) -> str:
    """Write a page as one bash session that reports each command's exit code, as `index code`, on descriptor 3."""
    lines = ["exec </dev/null"]
    for index, step in enumerate(page):
        if isinstance(step, Shown):
            kept, target = folder / f".shown.{index}", folder / step.name
            kept.write_text(step.text)
            lines.append(f"mkdir -p '{target.parent}' && cp '{kept}' '{target}'")
        elif not is_make(step):
            lines.append(f"{step.text}\necho {index} $? >&3")
    return "\n".join(lines)


def run_page(page: list[Command | Shown], folder: Path) -> tuple[dict[int, int], str]:
    """Run a page's session; return each command's exit code by index, and all that was printed."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    codes, printed = folder / ".codes", folder / ".printed"
    with printed.open("wb") as output:
        subprocess.run(
            ["bash", "-c", f"exec 3>'{codes}'\n{script(page, folder)}"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=PAGE_LIMIT_S,
            check=False,
        )
    found = [line.split() for line in codes.read_text().splitlines()]
    return {int(index): int(code) for index, code in found}, printed.read_text(errors="replace")


def wrong_commands(page: list[Command | Shown], folder: Path, shown: Iterable[str] = ()) -> list[str]:
    """Run a page and list the commands that did not exit as the page says, and the output that was not printed."""
    codes, printed = run_page(page, folder)
    wrong = [
        f"line {step.line}: {step.text!r} exits {codes.get(index)}, not {step.exit_code}"
        for index, step in enumerate(page)
        if isinstance(step, Command) and not is_make(step) and codes.get(index) != step.exit_code
    ]
    there = squeezed(printed)
    wrong += [f"not printed: {piece}" for piece in shown if piece not in there]
    return [*wrong, printed[-4000:]] if wrong else []


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def slug(heading: str) -> str:
    """Return the anchor of a heading: lower case, punctuation dropped, blanks to hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(path: Path) -> list[str]:
    """List the links of a page to files or headings that do not exist; addresses of the web are not opened."""
    broken = []
    for link in LINK.findall(FENCE.sub("", path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in map(slug, HEADING.findall(target.read_text()))):
            broken.append(f"{path.name}: {link}")
    return broken


@pytest.fixture
def session(tmp_path) -> Path:
    """A fresh folder that holds what a checkout's user has: the demo studies."""
    shutil.copytree(ROOT / "studies", tmp_path / "studies", ignore=shutil.ignore_patterns("__pycache__", ".fairtrial"))
    return tmp_path


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_run(path, session):
    """Every command of a page exits as the page says, in order, in one session, and the output shown is printed."""
    page, shown = list(steps(path.read_text())), output(path.read_text())
    wrong = wrong_commands(page, session, shown) if any(isinstance(step, Command) for step in page) else []
    assert not wrong, "\n".join([path.name, *wrong])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_targets_exist(path):
    """Every `make` that a page shows names targets of the Makefile."""
    shown = [step for step in steps(path.read_text()) if isinstance(step, Command) and is_make(step)]
    words = [word for step in shown for word in step.text.partition("#")[0].split()[1:] if "=" not in word]
    assert set(words) <= make_targets()


def test_links_resolve():
    """Links between pages, to files and to headings resolve."""
    assert not [line for path in PAGES for line in broken_links(path)]


def test_readme_starts_with_the_two_commands():
    """The README's first screen (40 lines) names `make demo`, then `make test`, and no command before them."""
    shown = steps((ROOT / "README.md").read_text())
    typed = [step.text.split("#")[0].strip() for step in shown if isinstance(step, Command) and step.line <= 40]
    assert typed[:2] == ["make demo", "make test"]


def test_decisions_are_brief():
    """Decisions are named NNN-title.md, numbered without gaps, and have at most 800 words each."""
    found = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [path.name[:4] for path in found] == [f"{number:03d}-" for number in range(1, len(found) + 1)]
    assert not [path.name for path in found if len(path.read_text().split()) > 800]


SAMPLE = """# A page

```yaml file=sub/study.yaml
study: x
```
```console
$ cat sub/study.yaml \\
    && export GREETING=hello
study: x
$ test "$GREETING" = hello
$ make demo
```
```console exit=3
$ true
$ cd sub && (exit 3)
```
```yaml file=sub/study.yaml
study: y
```
```console
$ grep y study.yaml
```
```text
$ not run
$ make test
```
"""


def test_fences_are_read():
    """The parser finds files and commands in order, joins continued lines, and gives exit codes to last commands."""
    assert list(steps(SAMPLE)) == [
        Shown("sub/study.yaml", "study: x\n"),
        Command("cat sub/study.yaml \\\n    && export GREETING=hello", 7),
        Command('test "$GREETING" = hello', 10),
        Command("make demo", 11),
        Command("true", 14),
        Command("cd sub && (exit 3)", 15, 3),
        Shown("sub/study.yaml", "study: y\n"),
        Command("grep y study.yaml", 21),
        Command("make test", 25),
    ]


def test_output_is_read_and_compared(tmp_path):
    """Output is what is neither command nor continuation; blanks, line ends and `…` are forgiven, nothing else is."""
    assert list(output(SAMPLE)) == ["study: x"]
    page = "```console\n$ echo one   two; echo three\none two … three\n… four\n```\n"
    assert list(output(page)) == ["one two", "three", "four"]
    assert wrong_commands(list(steps(page)), tmp_path, ["one two three"]) == []
    assert wrong_commands(list(steps(page)), tmp_path, output(page))[0] == "not printed: four"


def test_session_keeps_its_state(tmp_path):
    """Files, variables and the folder carry over from command to command, and files change where the page says so."""
    assert wrong_commands(list(steps(SAMPLE)), tmp_path) == []


@pytest.mark.parametrize("body", ["$ false", "$ exit 0\n$ true", "$ true\n$ fairtrial no-such-verb"])
def test_wrong_commands_are_found(body, tmp_path):
    """A command that fails, one that is never reached, and a verb that does not exist are found."""
    assert wrong_commands(list(steps(f"```console\n{body}\n```\n")), tmp_path)


def test_broken_links_are_found(tmp_path):
    """A link to a missing file or heading is found; addresses and links inside fences are left alone."""
    page = tmp_path / "page.md"
    page.write_text(
        "# One, two\n[a](page.md#one-two) [b](gone.md) [c](#three) [d](https://x.y)\n```text\n[e](no.md)\n```\n"
    )
    assert broken_links(page) == ["page.md: gone.md", "page.md: #three"]
