"""Where the runs of a study are mirrored: a tracker of other people, and what may be shown of its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from fairtrial.model.secret import Secret

VARIABLE = "MLFLOW_TRACKING_URI"
"""Says where to, for a study that does not."""
FILES_HINT = "write sqlite:///mlflow.db: MLflow no longer keeps runs in a folder of files"
OURS = re.compile(r"fairtrial\..*|mlflow\.(parentRunId|runName)")
"""Tags that a study does not set: the mirror finds its own runs by them."""
TAG = re.compile(r"[\w./: -]{1,250}")

_WITHOUT_SCHEME = re.compile(r"(databricks|uc)\b")


@dataclass(frozen=True, slots=True)
class Mirror:
    """An MLflow server or database, and how runs are named there."""

    experiment: str
    uri: str | Secret | None = None
    """None: what the environment variable says."""
    run_name_prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def unfit(uri: str) -> str:
    """Say why runs cannot be mirrored to an address; '' where it may work."""
    if not uri.strip():
        return "is empty"
    scheme = urlsplit(uri).scheme
    if scheme == "file" or ("://" not in uri and not _WITHOUT_SCHEME.match(uri)):
        return "is a folder of files"
    return ""


def has_password(uri: str) -> bool:
    """Say whether an address carries a password."""
    return bool(_passwords(uri))


def public(uri: str) -> str:
    """Return an address without user, password and options: what may be stored and shown."""
    if not (has_password(uri) or "@" in uri or "?" in uri):
        return uri
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def scrub(text: str, uri: str) -> str:
    """Take an address and its password out of what somebody else says of it."""
    text = text.replace(uri, public(uri))
    for password in _passwords(uri):
        for written in sorted({password, unquote(password), quote(unquote(password), safe="")}, key=len, reverse=True):
            text = text.replace(written, "…")
    return text


def _passwords(uri: str) -> list[str]:
    user, at, _ = urlsplit(uri).netloc.rpartition("@")
    found = [user.partition(":")[2]] if at else []
    found += re.findall(r"[?&](?:password|passwd|pwd|token)=([^&]*)", uri, re.IGNORECASE)
    return [password for password in found if password]
