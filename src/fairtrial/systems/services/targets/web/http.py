"""Target `http`: any web server, by a request made from a template."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from fairtrial.errors import UserError
from fairtrial.model.secret import Secret
from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.target import Endpoint, Request, Session
from fairtrial.systems.services.targets.parts import need, place, reach
from fairtrial.systems.services.targets.web.raw import Asked, Raw
from fairtrial.systems.services.targets.web.session import Library
from fairtrial.systems.services.targets.web.template import Template

PORTS = {"http": 80, "https": 443}
Status = Annotated[int, Field(ge=200, le=599)]
FIELDS = "fields: {i} {client} {random:LOW:HIGH}"


class Http(Words):
    """Parameters of the target `http`."""

    kind: Literal["http"] = Field(default="http", description="A web server, attached to.")
    url: str = Field(description="Scheme, host and port: http://HOST:PORT; https through aiohttp only.")
    method: str = Field(default="GET", pattern="^[A-Z]+$", description="The request's method.")
    path: str = Field(default="/", pattern="^/[^ \r\n]*$", description=f"Path and query; {FIELDS}.")
    headers: dict[str, str | Secret] = Field(default={}, description="Headers beside Host and Content-Length.")
    body: str = Field(default="", description=f"The request's body; {FIELDS}.")
    status: tuple[Status, Status] = Field(
        default=(200, 299), description="First and last status that is a success; all others are errors, as http_NNN."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        try:
            scheme, _, _ = place(url, schemes=("http", "https"), port=80)
        except UserError as problem:
            raise ValueError(str(problem)) from None
        if urlsplit(url).path not in ("", "/") or urlsplit(url).query:
            raise ValueError("the address has a path (put it into `path`)")
        return url.rstrip("/") if scheme else url

    @field_validator("path", "body")
    @classmethod
    def _template(cls, text: str) -> str:
        try:
            Template(text)
        except UserError as problem:
            raise ValueError(str(problem)) from None
        return text

    @field_validator("headers")
    @classmethod
    def _lines(cls, headers: dict[str, str | Secret]) -> dict[str, str | Secret]:
        for name, value in headers.items():
            if any(sign in f"{name}{value}" for sign in "\r\n") or not name.strip() or ":" in name:
                raise ValueError(f"header {name!r} is malformed")
            if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
                raise ValueError(f"header {name!r} is set by the generator")
        return headers

    @field_validator("status")
    @classmethod
    def _range(cls, status: tuple[int, int]) -> tuple[int, int]:
        if status[0] > status[1]:
            raise ValueError("the first status is above the last")
        return status


class HttpTarget:
    """The adapter of `http`."""

    kind: ClassVar[str] = "http"
    operations = ("request",)
    measures: frozenset[str] = frozenset()
    elastic = True

    def __init__(self, parameters: Http) -> None:
        self._words = parameters
        scheme = urlsplit(parameters.url).scheme
        self._place = place(parameters.url, schemes=("http", "https"), port=PORTS.get(scheme, 80))
        self._expected = range(parameters.status[0], parameters.status[1] + 1)

    def server(self) -> None:
        """Return None: it is attached to."""

    def require(self) -> None:
        """Check the extra, and that something listens. Raises MissingPart, ServiceFailed."""
        for module in ("aiohttp", "httptools"):
            need(module, extra="services", whom="the target http")
        _, host, port = self._place
        reach(host, port, what="the web server")

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Return its address."""
        return {"url": self._words.url}

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Leave the server as it is."""
        return {"url": self._words.url}

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Count nothing: a web server in general has no counters."""
        return {}

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Doubt nothing."""
        return ""

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make a connection: raw where `load.path` asks for it, or leaves the choice and the request is plain.

        Raises UserError where raw is asked for and cannot be (https, or HEAD, whose answer has a length and no body).
        """
        asked = endpoint.get("path", "auto")
        scheme, host, port = self._place
        plain = scheme == "http" and self._words.method != "HEAD"
        if asked == "raw" and not plain:
            raise UserError("load.path: raw is for plain http, and not for HEAD", hint="write load.path: library")
        if asked == "library" or not plain:
            headers = self._headers()
            return Library(self._words.url, method=self._words.method, headers=headers, expected=self._expected)
        return Raw(host, port, expected=self._expected)

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Yield requests; a template without fields gives the same one again and again."""
        path, body = Template(self._words.path, client), Template(self._words.body, client)
        rng, number = random.Random(f"http {seed} {client}"), 0  # noqa: S311
        head = self._head()
        asked = _asked(path.fill(0, rng), body.fill(0, rng), head)
        while path.fixed and body.fixed:
            yield 0, asked
        while True:
            yield 0, asked
            number += 1
            asked = _asked(path.fill(number, rng), body.fill(number, rng), head)

    def _headers(self) -> dict[str, str]:
        given = self._words.headers.items()
        return {name: value.reveal() if isinstance(value, Secret) else value for name, value in given}

    def _head(self) -> tuple[bytes, bytes]:
        """Return what comes before the path, and between the path and the length of the body."""
        _, host, port = self._place
        shown = f"[{host}]" if ":" in host else host
        lines = [f"Host: {shown}:{port}", *[f"{name}: {value}" for name, value in self._headers().items()]]
        return f"{self._words.method} ".encode(), (" HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n").encode()


def _asked(path: str, body: str, head: tuple[bytes, bytes]) -> Asked:
    data = body.encode()
    length = b"Content-Length: %d\r\n" % len(data) if data or head[0].startswith(b"P") else b""  # POST, PUT, PATCH
    return Asked(path, data, head[0] + path.encode() + head[1] + length + b"\r\n" + data)
