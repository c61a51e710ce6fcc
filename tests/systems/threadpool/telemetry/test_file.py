"""Telemetry as CSV: what is written comes back exactly, and every bad file is one line that says what to do."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.threadpool.parameters import FAMILIES
from fairtrial.systems.threadpool.telemetry.file import read, write
from fairtrial.systems.threadpool.telemetry.older import older
from fairtrial.systems.threadpool.telemetry.record import Row
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.telemetry.simulated import simulated
from fairtrial.systems.threadpool.words import Arrivals, Duration, Workload

VALUES = dict.fromkeys(NAMES, "1") | {"arrival_rate": "250", "task_size_mean": "400", "task_size_var": "10000"}
HEADER = ",".join(NAMES)
LINE = ",".join(VALUES.values())


def same(row: Row, other: Row) -> bool:
    features = np.array_equal(row.features, other.features, equal_nan=True)
    return features and (row.workload, row.family, row.cores) == (other.workload, other.family, other.cores)


@pytest.fixture
def given(tmp_path):
    """Text -> the rows of a file that holds it."""

    def of(text: str | bytes, cores: int = 8):
        path = tmp_path / "rows.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path, cores=cores)

    return of


def refused(given, text) -> str:
    with pytest.raises(UserError) as problem:
        given(text)
    told = str(problem.value)
    assert "\n" not in told
    assert "rows.csv" in told
    return told.partition("rows.csv")[2]


@pytest.mark.parametrize("make", [older, simulated])
def test_round_trip(make, tmp_path):
    """Generated rows come back exactly: features, workload, family and cores; cores that are given do not matter."""
    rows = [make(0, number, cores=4) for number in range(60)]
    write(tmp_path / "rows.csv", rows)
    back = read(tmp_path / "rows.csv", cores=99)
    assert len(back) == 60
    assert all(same(row, other) for row, other in zip(rows, back, strict=True))


def test_round_trip_of_the_default(tmp_path):
    """The default workload comes back as such, beside rows that differ from it in every way; NaN as NaN."""
    features = np.full(10, np.nan)
    features[[0, 1, 2, 5, 6, 9]] = 0.1 + 0.2
    arrivals = Arrivals(kind="adversarial", rate_low=0.3, work_high=1.25)
    other = Workload(
        arrivals=arrivals,
        cpu=Duration(kind="mix", mean_us=2, long_times=7),
        blocking=Duration(kind="pareto", mean_us=3),
    )
    rows = [Row(features, Workload(), 2, 8), Row(features, other, 3, 1)]
    write(tmp_path / "rows.csv", rows)
    assert all(same(*two) for two in zip(rows, read(tmp_path / "rows.csv", cores=99), strict=True))


def test_written_whole(tmp_path, monkeypatch):
    """A file that cannot be written whole stays as it was, and nothing is left beside it."""
    path = tmp_path / "rows.csv"
    path.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(UserError, match="No space left"):
        write(path, [older(0, 0, cores=8)])
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("rows.csv", "before")]
    with pytest.raises(UserError, match="cannot write"):
        write(tmp_path / "missing" / "rows.csv", [older(0, 0, cores=8)])


def test_any_order_and_more_columns(given):
    """Columns may come in any order; others, as those of older labels, are not looked at."""
    names = [*reversed(NAMES), "timestamp_us", "optimal_n_workers", "empirical_p95"]
    (row,) = given(f"{','.join(names)}\n{','.join([*(VALUES[name] for name in reversed(NAMES)), '0', 'x', ''])}\n")
    assert row.features.tolist() == [float(VALUES[name]) for name in NAMES]


def test_only_the_ten(given):
    """Without more columns the workload is what they tell, its family steady, its cores those given."""
    (row,) = given(f"{HEADER}\n{LINE}\n", cores=6)
    assert row.workload == Workload(
        arrivals=Arrivals(rate_per_s=250), cpu=Duration(kind="lognormal", mean_us=400, cv=0.25)
    )
    assert (row.family, row.cores) == (0, 6)


def test_blank_is_default(given):
    """A blank cell of a workload, a family or cores is the default; the family follows from the workload."""
    header = f"{HEADER},arrivals.kind,cpu.mean_us,blocking.mean_us,family,cores"
    lines = [f"{LINE},,,,,", f"{LINE},bursty,70,,,2", f"{LINE},bursty,,5,,", f"{LINE},,,5,adversarial,"]
    rows = given("\n".join([header, *lines, ""]))
    assert rows[0].workload == Workload()
    assert (rows[1].workload.arrivals.kind, rows[1].workload.cpu.mean_us, rows[1].cores) == ("bursty", 70, 2)
    assert [FAMILIES[row.family] for row in rows] == ["steady", "bursty", "blocking", "adversarial"]


def test_undefined_times(given):
    """A blank time is undefined, where the workload is described."""
    values = VALUES | {name: "" for name in NAMES if name.startswith("task_")}
    (row,) = given(f"{HEADER},cpu.mean_us\n{','.join(values.values())},90\n")
    assert [name for name, value in zip(NAMES, row.features, strict=True) if np.isnan(value)] == [
        name for name in NAMES if name.startswith("task_")
    ]


def test_windows_text(given):
    """A byte order mark and carriage returns are no mistakes."""
    (row,) = given(b"\xef\xbb\xbf" + f"{HEADER}\r\n{LINE}\r\n".encode())
    assert row.features[1] == 250


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ": the file is empty (`fairtrial threadpool generate"),
        (f"{HEADER}\n", ": there is a header and no row"),
        (f"{HEADER}\n{LINE}\n{LINE}", ":3: the last line does not end and may be torn"),
        (f"{HEADER}\n{LINE}\n1,2\n", ":3: 2 values where the header names 10 columns (a torn line"),
        (f"{HEADER}\n{LINE},7\n", ":2: 11 values where the header names 10 columns"),
        (f"{HEADER}\n\n{LINE}\n", ":2: 0 values"),
        (f"{HEADER.replace('arrival_rate', 'arival_rate')}\n{LINE}\n", "(is 'arival_rate' meant? rename it)"),
        (f"{HEADER.replace(',idle_worker_count', '')}\n1\n", ":1: column 'idle_worker_count' is missing (a telemetry"),
        (f"{HEADER},arrival_rate\n{LINE},1\n", ":1: column 'arrival_rate' is there twice"),
        (f"{HEADER},cpu.mean\n{LINE},1\n", ":1: unknown column 'cpu.mean' (did you mean 'cpu.mean_us'?)"),
        (f"{HEADER},famly\n{LINE},steady\n", ":1: unknown column 'famly' (did you mean 'family'?)"),
        (f"{HEADER},family\n{LINE},burst\n", ":2: column 'family': unknown family 'burst' (did you mean 'bursty'?)"),
        (f"{HEADER},cores\n{LINE},0\n", ":2: column 'cores': '0' is no number of cores (from 1 to 4096)"),
        (f"{HEADER},cores\n{LINE},two\n", ":2: column 'cores': 'two' is no number of cores"),
        (f"{HEADER},arrivals.kind\n{LINE},poison\n", ":2: column 'arrivals.kind': Input should be 'poisson'"),
        (f"{HEADER},cpu.mean_us\n{LINE},-5\n", ":2: column 'cpu.mean_us': Input should be greater than or equal to 0"),
        (f"{HEADER},cpu.cv\n{LINE},big\n", ":2: column 'cpu.cv': Input should be a valid number"),
        (f"{HEADER},arrivals.kind\n{LINE},trace\n", ":2: column 'arrivals.kind': a row has no trace of its own"),
        ("\x00\xff".encode("latin-1"), ": byte 1 is no UTF-8 text"),
        (f'{HEADER}\n"{LINE}\n', ":2: unexpected end of data"),
    ],
)  # fmt: skip
def test_bad_files(text, told, given):
    """Each is one line: file and line, column, what is wrong, the nearest valid thing or what to do."""
    assert told in refused(given, text)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("runq_len", "many", "'many' is no number (give a number)"),
        ("runq_len", "", "'' is no number"),
        ("runq_len", "-1", "-1 is negative (give a number from 0)"),
        ("ctx_switches_per_sec", "inf", "inf is not finite (give a finite number)"),
        ("task_time_p95_us", "nan", "nan is not finite (leave it blank where no task ended)"),
        ("worker_util", "1.5", "1.5 is above 1 (it is a share, from 0 to 1)"),
        ("arrival_rate", "0", "without a number above 0 there is no workload (leave the row out, or describe"),
        ("task_size_mean", "", "without a number above 0 there is no workload"),
        ("task_size_var", "1e12", "Input should be less than or equal to 100"),
    ],
)
def test_bad_values(name, value, told, given):
    """A value that is not as it should be is told with its line and column."""
    line = ",".join((VALUES | {name: value}).values())
    found = refused(given, f"{HEADER}\n{LINE}\n{line}\n")
    assert found.startswith(f":3: column {name!r}: ")
    assert told in found


def test_unreadable(tmp_path):
    """A file that is not there, or is a folder, is one line."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match=f"cannot read {path}: "):
            read(path, cores=8)


def test_readable_by_others(tmp_path):
    """The file is no secret: whoever could read any other new file can read it."""
    write(tmp_path / "rows.csv", [older(0, 0, cores=8)])
    assert (tmp_path / "rows.csv").stat().st_mode & 0o777 == 0o644
