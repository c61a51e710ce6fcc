"""HTTP as far as readiness and plain JSON need it, with the standard library."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import SplitResult, urlsplit

from fairtrial.errors import UserError

FAULTS = (OSError, http.client.HTTPException)
"""What a request raises where nothing answers, or something that does not speak HTTP."""


def parts(url: str) -> SplitResult:
    """Split an address. Raises UserError, which does not repeat it, where it is no http(s) URL with a host."""
    try:
        split = urlsplit(url)
        good = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:  # a port that is no number
        good = False
    if not good:
        raise UserError("the address is malformed", hint="http://HOST:PORT")
    return split


def connect(url: str, timeout_s: float) -> http.client.HTTPConnection:
    """Make a connection (not open yet) to the host of an address. Raises UserError for a malformed one."""
    split = parts(url)
    make = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
    return make(split.hostname or "", split.port, timeout=timeout_s)


def get(url: str, timeout_s: float = 2.0) -> tuple[int, bytes]:
    """Return status and body of a GET. Raises FAULTS, and UserError for a malformed address."""
    connection = connect(url, timeout_s)
    try:
        split = parts(url)
        connection.request("GET", (split.path or "/") + (f"?{split.query}" if split.query else ""))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def answers(url: str) -> bool:
    """Say whether a GET of this address succeeds (200)."""
    try:
        return get(url)[0] == 200
    except FAULTS:
        return False


def document(url: str) -> Any:
    """Return the JSON that an address gives; {} where it gives none."""
    try:
        status, body = get(url)
        return json.loads(body) if status == 200 else {}
    except (*FAULTS, ValueError):
        return {}
