"""Where runs are mirrored: the older harness's section, as the study's word."""

from __future__ import annotations

from typing import Any

from fairtrial.model.foreign import Foreign
from fairtrial.model.tracking import FILES_HINT, OURS, TAG, has_password, unfit
from fairtrial.systems.signals.convert.harness import Tracking

SECRET = "tracking.mlflow.uri of the study takes {secret: NAME}; leave tracking_uri out here"  # noqa: S105 - no secret


def tracking(given: Foreign, said: Tracking | None) -> dict[str, Any]:
    """Return the word `tracking` of a study; {} where nothing is to be mirrored.

    Raises SpecError for an address that MLflow no longer takes or that holds a password, and for tags that are none.
    """
    if said is None or said.backend == "none":
        return {}
    if said.tracking_uri is not None:
        _check_uri(given, said.tracking_uri)
    for name in said.tags:
        if OURS.fullmatch(name) or not TAG.fullmatch(name):
            raise given.wrong(f"tracking.tags.{name}", f"{name!r} is no tag that a study may set", "rename it")
    words = {
        "uri": said.tracking_uri,
        "experiment": said.experiment_name,
        "run_name_prefix": said.run_name_prefix,
        "tags": dict(said.tags),
    }
    return {"mlflow": {name: value for name, value in words.items() if value}}


def _check_uri(given: Foreign, uri: str) -> None:
    if problem := unfit(uri):
        raise given.wrong("tracking.tracking_uri", f"{uri!r} {problem}", FILES_HINT)
    if has_password(uri):
        raise given.wrong("tracking.tracking_uri", "the address holds a password", SECRET)
