"""Writing a report: the folder with Markdown, HTML, plots, data and the script that draws the plots again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairtrial.errors import BookUnwritable, UserError
from fairtrial.model.document import Document
from fairtrial.report.data import write_data
from fairtrial.report.html import html
from fairtrial.report.markdown import markdown
from fairtrial.report.outline import Outline, outline

CONTENTS = frozenset({"report.md", "report.html", "plots", "data", "plot.py"})
"""What a report's folder holds, and nothing else."""

__all__ = ["html", "markdown", "write"]


def write(document: Document, folder: Path) -> list[Path]:
    """Write `report.md`, `report.html`, `plots/*.png` and `*.svg`, `data/*.csv` and `plot.py`; return the files.

    The same document gives the same bytes. The folder appears whole or not at all, and replaces an earlier report.
    Raises UserError where the folder holds anything else, BookUnwritable where it cannot be written.
    """
    target = folder.resolve()
    _check(target)
    try:
        with _whole(target) as part:
            _fill(outline(document), part)
            made = sorted(path.relative_to(part) for path in part.rglob("*") if path.is_file())
    except OSError as problem:
        raise BookUnwritable(f"cannot write {folder}: {problem.strerror or problem}") from problem
    return [folder / path for path in made]


def _fill(parts: Outline, folder: Path) -> None:
    from fairtrial.report import draw

    write_data(parts, folder / "data")
    vectors = draw.draw(folder)
    (folder / "report.md").write_text(markdown(parts.document, pictures=True), encoding="utf-8")
    (folder / "report.html").write_text(html(parts.document, vectors=vectors), encoding="utf-8")
    shutil.copyfile(draw.__file__, folder / "plot.py")


def _check(folder: Path) -> None:
    """Refuse to replace what is no report."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder} is a file", hint="name a folder")
    held = {path.name for path in folder.iterdir()}
    strange = sorted(held - CONTENTS) or sorted(held)
    if held and not CONTENTS >= held >= {"report.html", "plot.py"}:
        raise UserError(f"{folder} holds {strange[0]} and is no report", hint="name an empty folder, or a new one")


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Give a folder to fill; it takes the place of `folder` when it is full, and goes when that fails."""
    part, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{word}") for word in ("part", "old"))
    try:
        part.mkdir(parents=True)
        yield part
        _exchange(part, folder, old)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(part: Path, folder: Path, old: Path) -> None:
    if folder.exists():
        folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
