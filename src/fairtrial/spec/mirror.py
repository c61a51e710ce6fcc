"""The words `tracking: {mlflow: …}` of a study, and the record that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from fairtrial.model.secret import Secret, is_reference
from fairtrial.model.tracking import FILES_HINT, OURS, TAG, Mirror, has_password, unfit

_NAME = {"type": ["string", "object"], "description": "An environment variable, or {file: PATH}, that holds it."}
_REFERENCE = {"type": "object", "required": ["secret"], "properties": {"secret": _NAME}}


def _uri(value: Any) -> str | Secret | None:
    if value is None:
        return None
    if is_reference(value):
        return Secret(value)
    if not isinstance(value, str):
        raise ValueError("an address is a text, or {secret: NAME} where it holds a password")
    problem = unfit(value)
    if problem:
        raise ValueError(f"{value!r} {problem} ({FILES_HINT})")
    if has_password(value):
        raise ValueError("the address holds a password (write uri: {secret: NAME}, and export NAME=the address)")
    return value


def _tags(tags: dict[str, str]) -> dict[str, str]:
    for name in tags:
        if OURS.fullmatch(name):
            raise ValueError(f"the tag {name!r} is the mirror's own")
        if not TAG.fullmatch(name):
            raise ValueError(f"{name!r} is no tag: letters, digits, '_', '-', '.', '/', ':' and blanks, 250 at most")
    return tags


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class MlflowWords(_Words):
    """MLflow: a server, or a database that its own user interface reads."""

    uri: Annotated[Any, BeforeValidator(_uri), WithJsonSchema({"anyOf": [{"type": "string"}, _REFERENCE]})] = Field(
        default=None,
        description="sqlite:///mlflow.db, http://HOST:5000, …; {secret: NAME} where it holds a password; otherwise"
        " MLFLOW_TRACKING_URI says it.",
    )
    experiment: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="MLflow's experiment; the study's name unless given."
    )
    run_name_prefix: str = Field(default="", max_length=100, description="Comes before the name of every run.")
    tags: Annotated[dict[str, str], AfterValidator(_tags)] = Field(default={}, description="Tags of every run.")


class TrackingWords(_Words):
    """Other people's tools that show the runs."""

    mlflow: MlflowWords = Field(description="MLflow: {uri, experiment, run_name_prefix, tags}.")


def mirror_of(words: TrackingWords | None, study: str) -> Mirror | None:
    """Return where a study's runs are mirrored; None where it says nothing of it."""
    if words is None:
        return None
    given = words.mlflow
    return Mirror(given.experiment or study, given.uri, given.run_name_prefix, dict(given.tags))


def recorded_mirror(document: Mapping[str, Any]) -> Mirror | None:
    """Return where the runs of a recorded study are mirrored."""
    said = document.get("tracking")
    return mirror_of(TrackingWords.model_validate(said), str(document["study"])) if said is not None else None
