"""Writing a report: what is in the folder, the same bytes each time, whole or not at all."""

from __future__ import annotations

import ast
import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fairtrial.errors import BookUnwritable, UserError
from fairtrial.report import document as writing
from fairtrial.report import draw
from fairtrial.report.document import write

PLANTED = Path(__file__).with_name("planted.py")


def contents(folder):
    """Read every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def python(*words, **environment):
    """Run Python in a process of its own; return what it printed."""
    command = [sys.executable, "-W", "error", *map(str, words)]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def small(planted):
    """Make a document with one section."""
    return replace(planted.document(2), sections=planted.document(2).sections[-1:])


def test_a_report_holds_text_page_plots_data_and_a_script(written):
    """Each plot is there as PNG, as SVG and as data; each table as data."""
    names = set(contents(written))
    assert {"report.md", "report.html", "plot.py", "data/figures.json"} <= names
    plots = {Path(name).stem for name in names if name.startswith("plots/")}
    assert {f"plots/{plot}.{kind}" for plot in plots for kind in ("png", "svg")} <= names
    assert {f"data/{plot}.csv" for plot in plots} <= names
    assert {"threshold-crash-rate-corruption-rate", "saturation-throughput-load-clients"} <= plots
    assert len(plots) == 10


def test_a_document_gives_the_same_bytes_in_every_process(written, tmp_path):
    """Neither the order of hashes, nor the clock, nor the user's matplotlib settings show."""
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: path\naxes.grid: False\n")
    python(PLANTED, tmp_path / "one", PYTHONHASHSEED="1")
    python(PLANTED, tmp_path / "two", PYTHONHASHSEED="2", MATPLOTLIBRC=str(tmp_path), TZ="Asia/Tokyo")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(written)


def test_the_script_draws_every_plot_again(written, tmp_path):
    """`plot.py` needs data and matplotlib alone, and gives the same bytes."""
    for name, data in contents(written).items():
        if name.startswith("data/") or name == "plot.py":
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(data)
    python("-P", tmp_path / "plot.py", PYTHONPATH="")
    plots = {name: data for name, data in contents(written).items() if name.startswith("plots/")}
    assert {name: data for name, data in contents(tmp_path).items() if name.startswith("plots/")} == plots
    tree = ast.parse((tmp_path / "plot.py").read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {str(module).split(".")[0] for module in modules} - sys.stdlib_module_names == {"matplotlib"}


def test_the_data_of_a_plot_reads_back_equal(written, planted, document):
    """Every value of every series is in its CSV to the last bit."""
    from fairtrial.report.data import plain
    from fairtrial.report.outline import outline

    read = {plot["name"]: plot for plot in draw.read(written / "data")}
    assert read == {figure.name: plain(figure) for figure in outline(document).figures}


def test_tables_are_cut_on_the_page_and_whole_in_the_data(planted, tmp_path):
    """What was cut is said with the file that has it."""
    write(planted.document(260), tmp_path / "out")
    (path,) = (tmp_path / "out" / "data").glob("*comparison*.csv")
    with path.open() as file:
        assert len(list(csv.reader(file))) == 261
    assert f"220 more rows: data/{path.name}" in (tmp_path / "out" / "report.md").read_text()
    assert f"60 more rows: data/{path.name}" in (tmp_path / "out" / "report.html").read_text()


def test_a_report_replaces_an_earlier_one(planted, tmp_path):
    """Plots that the new one lacks are gone, and nothing is left beside it."""
    write(planted.document(2), tmp_path / "out")
    write(small(planted), tmp_path / "out")
    assert not list((tmp_path / "out" / "plots").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("names", [["notes.txt"], ["data"], ["report.html", "plot.py", "mine.csv"]])
def test_a_folder_that_is_no_report_is_left_alone(names, planted, tmp_path):
    """Replacing it would lose what somebody keeps there."""
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="is no report"):
        write(small(planted), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(names, "mine")


def test_a_file_in_its_place_is_refused(planted, tmp_path):
    """One line says so."""
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        write(small(planted), tmp_path / "out")


def test_a_failure_leaves_the_earlier_report_whole(planted, tmp_path, monkeypatch):
    """A full disk half-way changes nothing and leaves nothing."""
    write(small(planted), tmp_path / "out")
    before = contents(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "html", full)
    with pytest.raises(BookUnwritable, match="No space left"):
        write(planted.document(2), tmp_path / "out")
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failed_exchange_puts_the_earlier_report_back(planted, tmp_path, monkeypatch):
    """Where the last renaming fails, the old report stands again."""
    write(small(planted), tmp_path / "out")
    before = contents(tmp_path)
    rename = Path.rename

    def fails(path, target):
        if path.name.endswith(".part"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(BookUnwritable):
        write(planted.document(2), tmp_path / "out")
    assert contents(tmp_path) == before
