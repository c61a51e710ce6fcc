"""Imported rows: what is read, and that every bad file is one line with its place."""

from __future__ import annotations

import pytest

from fairtrial.errors import UserError
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.track.rows import read_rows


@pytest.fixture
def write(tmp_path):
    """Write a file of results and return its path."""

    def make(name, text, encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return make


def test_columns_are_mapped_to_factors_metrics_and_places(write):
    """lr=learning_rate reads a factor, an unmapped metric stands under its own name, the rest of the file is left."""
    path = write("r.csv", "learning_rate,kind,rep,accuracy,junk\n1e-3,a,4,0.5,x\n0.01,b,0,0.75,y\n")
    rows = read_rows(path, columns={"lr": "learning_rate", "variant": "kind", "replicate": "rep"}, metrics=["accuracy"])
    assert [(row.line, row.variant, row.assignment, row.replicate, row.metrics) for row in rows] == [
        (2, "a", {"lr": 0.001}, 4, {"accuracy": 0.5}),
        (3, "b", {"lr": 0.01}, 0, {"accuracy": 0.75}),
    ]
    assert [row.status for row in rows] == [Status.DONE, Status.DONE]


def test_replicates_are_numbered_where_the_file_does_not(write):
    """Rows of one condition are its replicates, in file order."""
    path = write("r.csv", "x,m\n1,0\n2,0\n1,0\n1.0,0\n")
    assert [row.replicate for row in read_rows(path, columns={"x": "x"}, metrics=["m"])] == [0, 0, 1, 0]


def test_cells_are_typed_as_in_a_study(write):
    """Numbers, truths and null are what YAML 1.2 says; `on` and a quoted comma are text; a blank does not apply."""
    path = write("r.csv", 'x,m\n1,1\n-2.5,1\n1e3,1\ntrue,1\nnull,1\non,1\n"a,b",1\n,1\n')
    rows = read_rows(path, columns={"x": "x"}, metrics=["m"])
    assert [row.assignment.get("x", "absent") for row in rows] == [1, -2.5, 1000.0, True, None, "on", "a,b", "absent"]
    assert type(rows[2].assignment["x"]) is float


@pytest.mark.parametrize("cell", ["", " ", "nan", "NaN", "None", "NA", "null"])
def test_undefined_metrics_are_none(write, cell):
    """What stands for nothing is undefined, never zero."""
    path = write("r.csv", f"x,m\n1,{cell}\n")
    assert read_rows(path, columns={"x": "x"}, metrics=["m"])[0].metrics == {"m": None}


def test_failed_rows_have_a_class_and_no_metrics(write):
    """The number beside a failure is not read."""
    path = write("r.csv", "x,m,failure\n1,10000,timeout\n2,0.5,\n")
    first, second = read_rows(path, columns={"x": "x", "failure": "failure"}, metrics=["m"])
    assert (first.status, first.failure, first.metrics) == (Status.FAILED, FailureClass.TIMEOUT, {})
    assert (second.status, second.metrics) == (Status.DONE, {"m": 0.5})


def test_json_lines_are_read_by_dotted_path(write):
    """Nested objects and lists are reached into, levels keep their JSON types, blank lines are skipped."""
    path = write("r.jsonl", '{"p": {"l": [8, 16]}, "m": 1, "seed": 7}\n\n{"p": {"l": [8, null]}, "m": NaN}\n')
    columns = {"width": "p.l.1", "layers": "p.l"}
    first, second = read_rows(path, columns=columns, metrics=["m"])
    assert (first.assignment, first.metrics, first.line) == ({"width": 16, "layers": [8, 16]}, {"m": 1.0}, 1)
    assert (second.assignment, second.metrics, second.line) == ({"width": None, "layers": [8, None]}, {"m": None}, 3)
    assert (first.seed, second.seed) == (7, None)
    assert read_rows(path.rename(path.with_suffix(".ndjson")), columns=columns, metrics=["m"])[0] == first


def test_seeds_are_kept(write):
    """A seed of 64 bits is an integer, not a float."""
    path = write("r.csv", f"x,s,m\n1,{2**64 - 1},0\n")
    assert read_rows(path, columns={"x": "x", "seed": "s"}, metrics=["m"])[0].seed == 2**64 - 1


def test_a_byte_order_mark_and_quoted_line_breaks_are_understood(write):
    """Files from spreadsheets work, and lines are counted by the file's lines."""
    path = write("r.csv", 'x,m\n"a\nb",1\nc,bad\n', encoding="utf-8-sig")
    with pytest.raises(UserError, match=r"r\.csv:4: m: 'bad' is not a number"):
        read_rows(path, columns={"x": "x"}, metrics=["m"])


BAD = [
    ("r.csv", "x,m\n1,fast\n", r"r\.csv:2: m: 'fast' is not a number"),
    ("r.csv", "x,m\n1,true\n", r"r\.csv:2: m: True is not a number"),
    ("r.csv", "xx,m\n1,1\n", r"r\.csv:1: no column 'x'"),
    ("r.csv", "x,m,x\n1,1,1\n", r"r\.csv:1: column 'x' is there twice"),
    ("r.csv", "x,m\n1,1\n1,1,1\n", r"r\.csv:3: 3 cells where the header has 2"),
    ("r.csv", 'x,m\n1,"1\n', r"r\.csv:\d: not CSV in UTF-8"),
    ("r.csv", "", r"r\.csv:1: no column"),
    ("r.csv", "x,m\n1e999,1\n", r"r\.csv:2: x: inf is no level"),
    ("r.jsonl", '{"x": 1, "m": 1}\n{"x": \n', r"r\.jsonl:2: not JSON"),
    ("r.jsonl", '{"x": 1, "m": 1}\n[1]\n', r"r\.jsonl:2: not a JSON object"),
    ("r.jsonl", '{"xs": 1, "m": 1}\n', r"r\.jsonl: no row has 'x' \(did you mean 'xs'\?\)|valid: m, xs"),
    ("r.jsonl", '{"x": NaN, "m": 1}\n', r"r\.jsonl:1: x: nan is no level"),
    ("r.jsonl", '{"x": 1, "m": "0.5"}\n', r"r\.jsonl:1: m: '0.5' is not a number"),
    ("r.jsonl", '{"x": 1, "m": [1]}\n', r"r\.jsonl:1: m: \[1\] is not a number"),
    ("r.jsonl", "", r"r\.jsonl: no row has 'm'"),
    ("r.txt", "x,m\n", "neither CSV nor JSON Lines"),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_a_bad_file_is_one_line_with_its_place(write, name, text, message):
    """The line says what is wrong and where."""
    with pytest.raises(UserError, match=message) as caught:
        read_rows(write(name, text), columns={"x": "x"}, metrics=["m"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_a_file_that_is_not_utf8_is_one_line(write, name):
    """Latin-1 is refused with its place, not read as rubbish."""
    with pytest.raises(UserError, match=r"r\.\w+:1: .*UTF-8"):
        read_rows(write(name, "é,m\n", encoding="latin-1"), columns={"x": "é"}, metrics=["m"])


def test_a_missing_file_is_one_line(tmp_path):
    """The path is named."""
    with pytest.raises(UserError, match="is not a file"):
        read_rows(tmp_path / "none.csv", columns={}, metrics=["m"])


def test_a_row_that_is_there_twice_is_refused(write):
    """The same replicate of the same condition cannot be measured twice."""
    path = write("r.csv", "x,rep,m\n1,0,1\n2,0,1\n1,0,2\n")
    with pytest.raises(UserError, match=r"r\.csv:4: replicate 0 of this condition stands in line 2 already"):
        read_rows(path, columns={"x": "x", "replicate": "rep"}, metrics=["m"])


@pytest.mark.parametrize("cell", ["-1", "1.5", "one", ""])
def test_a_replicate_is_a_whole_number(write, cell):
    """The column is named as the file names it."""
    with pytest.raises(UserError, match=r"r\.csv:2: rep: .* is not a whole number from 0"):
        read_rows(write("r.csv", f"x,rep,m\n1,{cell},1\n"), columns={"x": "x", "replicate": "rep"}, metrics=["m"])


def test_an_unknown_failure_class_names_the_nearest(write):
    """`crashed` is not a class, `crash` is."""
    path = write("r.csv", "x,why,m\n1,crashed,\n")
    with pytest.raises(UserError, match=r"r\.csv:2: why: 'crashed' is no failure class \(did you mean 'crash'\?\)"):
        read_rows(path, columns={"x": "x", "failure": "why"}, metrics=["m"])


@pytest.mark.parametrize(
    ("name", "text"), [("r.csv", "x,y,m\n1,2,3\n"), ("r.jsonl", '{"x": 1, "y": {"z": 2}, "m": 3}')]
)
def test_a_file_without_a_factor_is_refused(write, name, text):
    """Unmapped columns are left, but rows are not lumped together because nobody said what tells them apart."""
    with pytest.raises(UserError, match=r"no column is a factor \(say which: --map lr=x; valid: x, y"):
        read_rows(write(name, text), columns={}, metrics=["m"])


def test_an_export_can_be_imported_again(write):
    """The columns that an export has for variant, replicate, seed and failure are known by their names."""
    text = "run,trial,variant,C,replicate,seed,status,failure,m\n1,1,a,10,2,7,done,,0.5\n1,2,a,10,1,8,failed,oom,\n"
    first, second = read_rows(write("trials.csv", text), columns={"C": "C"}, metrics=["m"])
    assert (first.variant, first.assignment, first.replicate, first.seed) == ("a", {"C": 10}, 2, 7)
    assert (second.failure, second.replicate, second.metrics) == (FailureClass.OOM, 1, {})


def test_a_file_of_one_condition_needs_no_factor(write):
    """Where nothing but metrics is there, the rows are replicates."""
    assert [row.replicate for row in read_rows(write("r.csv", "m\n1\n2\n"), columns={}, metrics=["m"])] == [0, 1]
