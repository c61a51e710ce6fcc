"""What MLflow is to show: a run of the book as a parent, a settled trial as its child."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.contract.system import Mirrored, Mirrors, System
from fairtrial.model.identity import digest
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.model.parcel import Parcel
from fairtrial.model.run import Run
from fairtrial.model.tracking import Mirror
from fairtrial.track.mirror.names import PARAM_CHARACTERS, TAG_CHARACTERS, distinct, key, leaves, text

KEY = "fairtrial.key"
"""The tag by which a mirror finds what it made: book, run and trial."""
CONTENT = "fairtrial.content"
"""The tag that says which attempt a run there shows, with which parameters: they can never be changed there."""
STATUS = {"open": "RUNNING", "finished": "FINISHED", "partial": "FINISHED", "failures": "FAILED"}
"""State of a run -> MLflow's; what was broken off is KILLED."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric."""

    name: str
    value: float
    step: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A run as it is to stand in MLflow."""

    name: str
    status: str
    start_ms: int
    end_ms: int | None
    """None while it goes on."""
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    points: Sequence[Point] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    """Path there -> the file here."""
    documents: Mapping[str, str] = field(default_factory=dict)
    """Path there -> text."""

    @property
    def key(self) -> str:
        """Return what it is found by."""
        return self.tags[KEY]

    @property
    def content(self) -> str:
        """Return what cannot be changed once it is there."""
        return self.tags[CONTENT]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Turns a run of one book, and its trials, into what is shown."""

    book: str
    """The book's id."""
    run: Run
    mirror: Mirror
    system: System | None = None
    """For the words of its own; None where it is not at hand."""

    def parent(self) -> Shown:
        """Show the run."""
        run, document = self.run, self.run.document
        tags = {
            CONTENT: "run",
            KEY: f"{self.book}:{run.number}",
            "fairtrial.question": str(document.get("question", "")),
            "fairtrial.state": run.state,
            "fairtrial.study_digest": digest(document).hex(),
            "fairtrial.tags": ", ".join(run.tags),
        }
        if run.state != "open":
            tags |= {"fairtrial.done": str(run.done), "fairtrial.failed": str(run.failed)}
        return Shown(
            name=self._name(run.study),
            status=STATUS.get(run.state, "KILLED"),
            start_ms=_ms(run.created),
            end_ms=None if run.state == "open" else _ms(run.updated),
            tags=self._tags(tags),
            documents={"study.json": json.dumps(document, indent=2, ensure_ascii=False)},
        )

    def child(self, parcel: Parcel) -> Shown:
        """Show a settled trial."""
        row, own = parcel.row, self._own(parcel)
        params = {name: text(value, PARAM_CHARACTERS) for name, value in distinct(_params(parcel, own)).items()}
        tags = {
            KEY: f"{self.book}:{row.run}.{row.number}",
            CONTENT: digest([row.attempt, params]).hex(),
            **_told(parcel),
            **{key(name): value for name, value in own.tags.items()},
        }
        return Shown(
            name=self._name(own.name, f"{row.run}.{row.number}"),
            status=_status(parcel),
            start_ms=_ms(parcel.started),
            end_ms=_ms(parcel.ended),
            tags=self._tags(tags),
            params=params,
            points=list(_points(parcel, own)),
            files=_files(parcel, own),
            documents={name: text(value, 1 << 30) for name, value in own.documents.items()},
        )

    def seal(self) -> str:
        """Return what a receipt for the parent says: other words, another state or another end give another one."""
        shown = self.parent()
        return digest([shown.name, shown.status, shown.end_ms, dict(shown.tags)]).hex()

    def _own(self, parcel: Parcel) -> Mirrored:
        if not isinstance(self.system, Mirrors):
            return Mirrored()
        return self.system.mirror(self.run.study, parcel.parameters, parcel.row.metrics)

    def _name(self, *parts: str) -> str:
        return ":".join(part for part in (self.mirror.run_name_prefix, *parts) if part)

    def _tags(self, more: Mapping[str, str]) -> dict[str, str]:
        known = {
            "fairtrial.book": self.book,
            "fairtrial.run": str(self.run.number),
            "fairtrial.study": self.run.study,
            "fairtrial.system": self.run.system,
            "fairtrial.run_name_prefix": self.mirror.run_name_prefix,
        }
        made = {**self.mirror.tags, **known, **more}
        return {name: text(value, TAG_CHARACTERS) for name, value in made.items() if value}


def settings_of(mirror: Mirror) -> str:
    """Name what a study says of every run there: where it changes, all of them are shown again."""
    return digest([mirror.run_name_prefix, dict(mirror.tags)]).hex()[:8]


def _told(parcel: Parcel) -> dict[str, str]:
    row, failure = parcel.row, parcel.row.failure
    return {
        "fairtrial.trial": f"{row.run}.{row.number}",
        "fairtrial.digest": row.digest.hex(),
        "fairtrial.attempt": str(row.attempt),
        "fairtrial.status": str(row.status),
        "fairtrial.retired": "true" if row.retired else "false",
        "fairtrial.reused_from": "" if row.reused_from is None else str(row.reused_from),
        "fairtrial.failure": failure.kind.value if failure else "",
        "fairtrial.failure_message": failure.message if failure else "",
        "fairtrial.cautions": "\n".join(parcel.cautions),
        "fairtrial.undefined": ", ".join(name for name, value in row.metrics.items() if value is None),
    }


def _status(parcel: Parcel) -> str:
    row = parcel.row
    if row.status is Status.DONE:
        return "FINISHED"
    ended = row.status is Status.PRUNED or (row.failure is not None and row.failure.kind is FailureClass.CANCELLED)
    return "KILLED" if ended else "FAILED"


def _params(parcel: Parcel, own: Mirrored) -> Iterator[tuple[str, Any]]:
    row = parcel.row
    first = {"variant": row.variant, "replicate": row.replicate, "seed": row.seed, **own.params}
    yield from ((name, value) for name, value in first.items() if value != "")
    yield from ((f"parameters.{name}" if name in first else name, value) for name, value in leaves(parcel.parameters))


def _points(parcel: Parcel, own: Mirrored) -> Iterator[Point]:
    """Yield the series, then the final values: at the last step, and later than all before."""
    end, last = _ms(parcel.ended), max((step.number for step in parcel.steps), default=0)
    usage = parcel.usage
    used = {"wall_s": usage.wall_s, "cpu_s": usage.cpu_s, "peak_bytes": usage.peak_bytes}
    final = {**parcel.row.metrics, **own.metrics, **{f"fairtrial.{name}": value for name, value in used.items()}}
    names = _names([*(name for step in parcel.steps for name in step.metrics), *final])
    for step in parcel.steps:
        at = min(_ms(step.at), end)
        yield from (Point(names[name], value, step.number, at) for name, value in _numbers(step.metrics))
    yield from (Point(names[name], value, last, end + bool(parcel.steps)) for name, value in _numbers(final))


def _names(names: Iterable[str]) -> dict[str, str]:
    """Return each metric's name in MLflow."""
    known = list(dict.fromkeys(names))
    return dict(zip(known, distinct((name, None) for name in known), strict=True))


def _numbers(metrics: Mapping[str, float | None]) -> Iterator[tuple[str, float]]:
    for name, value in metrics.items():
        if value is not None and math.isfinite(value):
            yield name, float(value)


def _files(parcel: Parcel, own: Mirrored) -> dict[str, Path]:
    tables = {own.tables.get(name, f"tables/{name}.parquet"): path for name, path in parcel.tables.items()}
    return {**parcel.files, **tables}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
