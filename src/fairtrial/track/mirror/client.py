"""MLflow by its own client: imported here alone, which takes seconds, in the mirror's process."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from fairtrial.errors import FairtrialError, MissingPart
from fairtrial.model.tracking import scrub
from fairtrial.track.mirror.database import make
from fairtrial.track.mirror.deliver import Place, Refused, Unreachable
from fairtrial.track.mirror.shown import CONTENT, KEY, Shown

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""It sends nothing to anybody else, and writes nothing but what it is asked to."""
UNUSED = ("pandas", "polars", "pyarrow")
"""MLflow imports them where it finds them; a client of runs needs none, and half of the time goes into them."""
PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
"""Every call ends soon; what fails is tried again by the mirror. A user's own values hold."""
OF_ONE_RUN = {
    "INVALID_PARAMETER_VALUE",
    "RESOURCE_DOES_NOT_EXIST",
    "RESOURCE_ALREADY_EXISTS",
    "INVALID_STATE",
    "BAD_REQUEST",
    "MALFORMED_REQUEST",
}
"""Error codes of MLflow that concern what was sent, and not the server."""
TEXTS_AT_ONCE, LONG_TEXTS_AT_ONCE, METRICS_AT_ONCE, PAGE = 100, 25, 800, 1000
"""What one call carries: MLflow takes 100 params, 100 tags, 1,000 of everything and 1 MB, and pages of 1,000 runs."""
LONG = 100_000
"""Characters of all texts together from which on they go in smaller calls."""
REASON = 200
"""Characters that are told of what somebody else says."""
EXTRA = "pip install 'fairtrial[mlflow]'"

Item = TypeVar("Item")


class Client:
    """One experiment of an MLflow server or database, made where it is not there."""

    def __init__(self, uri: str, experiment: str) -> None:
        self._uri, self._name = uri, experiment
        self._client: Any = None
        self._experiment = ""

    def load(self) -> None:
        """Import MLflow. Raises MissingPart without it."""
        os.environ.update(QUIET)
        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)
        try:
            with _lean():
                import mlflow.tracking  # noqa: F401
        except ImportError as problem:
            raise MissingPart(f"mirroring needs {problem.name or 'mlflow'}", hint=EXTRA) from problem

    def open(self) -> None:
        """Connect, and find or make the experiment. Raises MissingPart where a driver is missing, Unreachable."""
        from mlflow import MlflowClient

        with self._told(), _lean():
            make(self._uri)
            self._client = MlflowClient(tracking_uri=self._uri)
            self._experiment = self._found_or_made()

    def find(self, key: str) -> Place | None:
        """Return the run with this key."""
        with self._told():
            return next(iter(self._search(f"tags.`{KEY}` = '{key}'").values()), None)

    def children(self, parent: str) -> dict[str, Place]:
        """Return the runs below a run by their keys."""
        with self._told():
            return self._search(f"tags.`mlflow.parentRunId` = '{parent}'")

    def create(self, shown: Shown, parent: str = "") -> str:
        """Make a run with its tags, and return its id."""
        tags = {**shown.tags, **({"mlflow.parentRunId": parent} if parent else {})}
        with self._told():
            made = self._client.create_run(self._experiment, shown.start_ms, tags, run_name=shown.name)
            return str(made.info.run_id)

    def fill(self, remote: str, shown: Shown) -> None:
        """Bring all of it there, its status last; doing so again changes nothing."""
        from mlflow.entities import Metric, Param, RunTag

        tags = [RunTag(name, value) for name, value in {**shown.tags, "mlflow.runName": shown.name}.items()]
        params = [Param(name, value) for name, value in shown.params.items()]
        points = [Metric(point.name, point.value, point.at_ms, point.step) for point in shown.points]
        with self._told():
            for batch in _batches(tags, params, points):
                self._client.log_batch(remote, **batch)
            self._artifacts(remote, shown)
            if shown.end_ms is None:
                self._client.update_run(remote, status=shown.status)
            else:
                self._client.set_terminated(remote, shown.status, end_time=shown.end_ms)

    def remove(self, remote: str) -> None:
        """Take a run away: MLflow keeps it among the deleted ones."""
        with self._told():
            self._client.delete_run(remote)

    def _search(self, condition: str) -> dict[str, Place]:
        """Return runs by key; of two with one key (a book that was copied) the older one."""
        found: dict[str, Place] = {}
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [self._experiment],
                condition,
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            for run in page:
                tags = run.data.tags
                found.setdefault(tags.get(KEY, ""), Place(run.info.run_id, tags.get(CONTENT, "")))
            token = page.token
            if not token:
                return found

    def _found_or_made(self) -> str:
        found = self._client.get_experiment_by_name(self._name)
        if found is None:
            return self._made()
        if found.lifecycle_stage != "active":
            raise Unreachable(f"experiment {self._name!r} was deleted there", hint="restore it, or name another one")
        return str(found.experiment_id)

    def _made(self) -> str:
        """Make the experiment; another mirror may have been quicker."""
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.create_experiment(self._name))
        except MlflowException as problem:
            if problem.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return str(self._client.get_experiment_by_name(self._name).experiment_id)

    def _artifacts(self, remote: str, shown: Shown) -> None:
        """Send files under their names there: in the book they are named by what they hold."""
        if not (shown.files or shown.documents):
            return
        with tempfile.TemporaryDirectory(prefix="fairtrial-") as folder:
            for place, source in shown.files.items():
                path = _named(Path(folder), place)
                path.symlink_to(source.resolve(strict=True))
                self._client.log_artifact(remote, str(path), _parent(place))
            for place, text in shown.documents.items():
                path = _named(Path(folder), place)
                path.write_text(text)
                self._client.log_artifact(remote, str(path), _parent(place))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn whatever MLflow and the libraries below it raise into our own errors, in one line without secrets."""
        try:
            yield
        except FairtrialError:
            raise
        except ImportError as problem:
            raise MissingPart(f"mirroring needs {problem.name or problem}", hint=EXTRA) from problem
        except FileNotFoundError as problem:
            raise Refused(f"{problem.filename} is gone") from problem
        except Exception as problem:  # noqa: BLE001 - a database's, a socket's, a server's: the type says little
            kind = Refused if getattr(problem, "error_code", "") in OF_ONE_RUN else Unreachable
            raise kind(scrub(_reason(problem), self._uri)) from None


@contextmanager
def _lean() -> Iterator[None]:
    """Hide from MLflow what its smaller edition (mlflow-skinny) does without."""
    loaded: Any = sys.modules
    hidden = [name for name in UNUSED if name not in loaded]
    loaded.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            loaded.pop(name, None)


def _batches(tags: Sequence[Any], params: Sequence[Any], points: Sequence[Any]) -> Iterator[dict[str, list[Any]]]:
    """Cut what is sent into calls; what is small goes in one."""
    long = sum(len(item.value) for item in (*tags, *params)) > LONG
    at_once = LONG_TEXTS_AT_ONCE if long else TEXTS_AT_ONCE
    whole = not long and max(len(tags), len(params)) <= at_once and len(points) <= METRICS_AT_ONCE
    if whole:
        yield {"tags": list(tags), "params": list(params), "metrics": list(points)}
        return
    yield from ({"tags": some} for some in _chunks(tags, at_once))
    yield from ({"params": some} for some in _chunks(params, at_once))
    yield from ({"metrics": some} for some in _chunks(points, METRICS_AT_ONCE))


def _reason(problem: BaseException) -> str:
    """Say in one line what went wrong: what the machine said at the bottom of it, where that is where it began."""
    first = problem
    while (below := first.__cause__ or first.__context__) is not None:
        first = below
    if isinstance(first, TimeoutError):
        return "no answer in time"
    if isinstance(first, OSError) and first.strerror:
        return first.strerror
    said = " ".join(str(problem).split()) or type(problem).__name__
    return said if len(said) <= REASON else f"{said[:REASON]} …"


def _chunks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def _named(folder: Path, place: str) -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _parent(place: str) -> str | None:
    parent = str(PurePosixPath(place).parent)
    return None if parent == "." else parent
