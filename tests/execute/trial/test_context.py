"""Context: names, files and numbers that a trial hands over."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from fairtrial.errors import BadResult
from fairtrial.execute.trial.context import TrialContext, normal_metrics


class Deaf:
    def step(self, attempt, step, metrics):
        return False


@pytest.fixture
def context(tmp_path):
    return TrialContext(5, 77, job={"m": []}, root=str(tmp_path), channel=Deaf())


def test_numpy_scalars_are_numbers():
    """So is whatever turns into a float."""
    import numpy as np

    found = normal_metrics({"a": np.float32(0.5), "b": np.int64(3), "c": np.array(2.0), "d": np.True_})
    assert found == {"a": 0.5, "b": 3.0, "c": 2.0, "d": 1.0}
    assert all(type(value) is float for value in found.values())


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([1.0], "this one returned list"),
        (None, "this one returned NoneType"),
        ({1: 2.0}, "metrics are named by strings, not by 1"),
        ({"": 2.0}, "metrics are named by strings, not by ''"),
        ({"m": [1.0]}, "metric 'm' is \\[1.0\\], not a number"),
        ({"m": 1j}, "metric 'm' is 1j, not a number"),
        ({"m": "x" * 100}, "metric 'm' is 'x{56}…, not a number"),
    ],
)
def test_anything_else_is_refused(metrics, message):
    """One line that names the metric and shows the value."""
    with pytest.raises(BadResult, match=message):
        normal_metrics(metrics)


def test_an_array_is_no_number():
    """Not even one that NumPy would convert."""
    import numpy as np

    with pytest.raises(BadResult, match="not a number"):
        normal_metrics({"m": np.zeros(3)})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is played by Linux's /dev/full")
def test_a_table_for_which_there_is_no_room_is_an_error_of_the_system(context, monkeypatch):
    """With its number, which says of which class the failure is; it is not kept."""
    monkeypatch.setattr(context, "_kept", lambda leaf: "/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        context.table("t", {"a": list(range(100_000))})
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/dev/full")
    assert context.produced == []


def test_the_scratch_folder_is_made_on_first_use(context, tmp_path):
    """Before that it costs nothing."""
    assert list(tmp_path.iterdir()) == []
    assert context.scratch.is_dir()
    assert context.scratch == tmp_path / "scratch" / "5"


def test_a_file_from_elsewhere_is_copied(context, tmp_path):
    """The user's own file stays; one in the scratch folder is moved."""
    (tmp_path / "own.txt").write_text("mine")
    inside = context.scratch / "inside.txt"
    inside.write_text("made")
    context.file(tmp_path / "own.txt")
    context.file(inside, "renamed.txt")
    context.finish()
    assert [(kind, name) for kind, name, _ in context.produced] == [("file", "own.txt"), ("file", "renamed.txt")]
    assert [Path(path).read_text() for _, _, path in context.produced] == ["mine", "made"]
    assert (tmp_path / "own.txt").exists()
    assert not inside.exists()


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "line\nbreak", "ä"])
def test_names_are_plain(context, tmp_path, name):
    """No name leaves its folder."""
    (tmp_path / "f").write_text("")
    with pytest.raises(BadResult, match="is no name"):
        context.table(name, {"x": [1]})


def test_names_are_given_once(context, tmp_path):
    """A second table of the same name would hide the first."""
    context.table("t", [{"x": 1}, {"x": 2}])
    with pytest.raises(BadResult, match="given twice"):
        context.table("t", {"x": [1]})
    with pytest.raises(BadResult, match="there is no file"):
        context.file(tmp_path / "nowhere")


def test_streams_are_named(context):
    """The same name gives the same stream, another one another."""
    assert context.rng("a").random() == context.rng("a").random()
    assert context.rng("a").random() != context.rng().random()
