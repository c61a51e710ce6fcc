"""What MLflow is to show of a run and of its trials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fairtrial.contract.system import Mirrored
from fairtrial.model.outcome import Failure, FailureClass, Status
from fairtrial.model.parcel import Step
from fairtrial.track.mirror.shown import Point


def test_a_run_is_a_parent(gallery):
    """Name, times and tags of the run, with the study's own tags; its study as a document."""
    shown = gallery.parent()
    assert (shown.name, shown.status, shown.start_ms, shown.end_ms) == ("nightly:digits", "FINISHED", 5000, 20000)
    assert shown.key == "b00c:3"
    wanted = {"fairtrial.question": "How many?", "fairtrial.system": "toy", "fairtrial.run": "3", "team": "a"}
    assert wanted.items() <= shown.tags.items()
    assert '"question": "How many?"' in shown.documents["study.json"]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("open", "RUNNING"),
        ("finished", "FINISHED"),
        ("partial", "FINISHED"),
        ("failures", "FAILED"),
        ("budget", "KILLED"),
        ("interrupted", "KILLED"),
    ],
)
def test_the_state_of_a_run(gallery, state, status):
    """A run that goes on has no end; one that was broken off is KILLED."""
    shown = replace(gallery, run=replace(gallery.run, state=state)).parent()
    assert shown.status == status
    assert (shown.end_ms is None) == (state == "open")


def test_a_trial_is_a_child(gallery, parcel):
    """Its parameters with variant, replicate and seed, its metrics, its tags, its true times."""
    shown = gallery.child(parcel())
    assert (shown.name, shown.status, shown.start_ms, shown.end_ms) == ("nightly:3.1", "FINISHED", 10_000, 12_500)
    assert shown.key == "b00c:3.1"
    assert shown.params == {"variant": "tuned", "replicate": "0", "seed": "7", "x": "1", "parameters.seed": "9"}
    assert Point("loss", 0.5, 0, 12_500) in shown.points
    assert Point("fairtrial.cpu_s", 2.0, 0, 12_500) in shown.points
    wanted = {
        "fairtrial.trial": "3.1",
        "fairtrial.attempt": "101",
        "fairtrial.status": "done",
        "fairtrial.retired": "false",
        "fairtrial.digest": "01" * 16,
        "fairtrial.run_name_prefix": "nightly",
        "team": "a",
    }
    assert wanted.items() <= shown.tags.items()


def test_the_final_value_is_the_latest(gallery, parcel):
    """A series comes step by step; the final value stands at its last step, after it."""
    steps = [Step(1, 11.0, {"loss": 0.9}), Step(8, 99.0, {"loss": 0.7, "gone": None})]
    points = [point for point in gallery.child(parcel(steps=steps)).points if point.name == "loss"]
    assert points == [Point("loss", 0.9, 1, 11_000), Point("loss", 0.7, 8, 12_500), Point("loss", 0.5, 8, 12_501)]


def test_undefined_values_are_named_not_sent(gallery, parcel):
    """What is undefined is no number in MLflow either."""
    shown = gallery.child(parcel(metrics={"loss": None, "speed": 3.0}))
    assert "loss" not in {point.name for point in shown.points}
    assert shown.tags["fairtrial.undefined"] == "loss"


@pytest.mark.parametrize(
    ("status", "kind", "shown"),
    [
        (Status.FAILED, FailureClass.TIMEOUT, "FAILED"),
        (Status.FAILED, FailureClass.CANCELLED, "KILLED"),
        (Status.PRUNED, None, "KILLED"),
    ],
)
def test_how_a_trial_ended(gallery, status, kind, shown, parcel):
    """Failed is FAILED, with class and message; what was stopped is KILLED."""
    failure = Failure(kind, "too late") if kind else None
    made = gallery.child(parcel(status=status, failure=failure, metrics={}))
    assert made.status == shown
    assert made.tags.get("fairtrial.failure") == (kind.value if kind else None)
    assert made.tags.get("fairtrial.failure_message") == ("too late" if kind else None)


def test_files_and_tables(gallery, parcel):
    """Files keep their names; tables lie below `tables/`."""
    made = parcel(files={"curve.png": Path("a")}, tables={"requests": Path("b")})
    assert gallery.child(made).files == {"curve.png": Path("a"), "tables/requests.parquet": Path("b")}


def test_another_attempt_is_other_content(gallery, parcel):
    """A retirement changes tags alone; another attempt, or other parameters, cannot be written over the old ones."""
    first = gallery.child(parcel())
    retired, again = gallery.child(parcel(retired=True)), gallery.child(parcel(attempt=200))
    assert retired.tags["fairtrial.retired"] == "true"
    assert retired.content == first.content
    assert again.content != first.content
    assert again.key == first.key


class Named:
    """A system with words of its own."""

    def mirror(self, study, parameters, metrics):
        return Mirrored(
            name=f"{study}-signal",
            params={"campaign": study, "x": "own"},
            metrics={"best": metrics["loss"], "none": None},
            tags={"kind": "signal"},
            documents={"harness/meta.json": {"x": parameters["x"]}},
            tables={"rows": "harness/rows.parquet"},
        )


def test_a_system_adds_its_own_words(gallery, parcel):
    """Name, params, metrics, tags, documents and places of tables are the system's; nothing of ours is lost."""
    made = replace(gallery, system=Named()).child(parcel(tables={"rows": Path("b"), "others": Path("c")}))
    assert made.name == "nightly:digits-signal:3.1"
    assert made.params.items() >= {"campaign": "digits", "x": "own", "parameters.x": "1", "seed": "7"}.items()
    assert {point.name for point in made.points} >= {"loss", "best"}
    assert "none" not in {point.name for point in made.points}
    assert made.tags["kind"] == "signal"
    assert made.documents == {"harness/meta.json": '{"x": 1}'}
    assert made.files == {"harness/rows.parquet": Path("b"), "tables/others.parquet": Path("c")}


def test_the_seal_of_a_run(gallery):
    """It changes with what is shown of the run and with nothing else: one that goes on is not written again."""
    run = replace(gallery.run, state="open")
    first = replace(gallery, run=run).seal()
    assert replace(gallery, run=replace(run, updated=99.0, done=7)).seal() == first
    assert gallery.seal() != first
    assert replace(gallery, mirror=replace(gallery.mirror, tags={})).seal() != gallery.seal()
