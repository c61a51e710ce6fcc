"""MinIO, or what speaks S3, attached to through MinIO's own blocking client in threads, whose cost is timed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from fairtrial.errors import ServiceFailed, UserError
from fairtrial.model.secret import Secret
from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.target import Endpoint, Request, Session
from fairtrial.systems.services.targets.parts import address, need, place, reach, site

if TYPE_CHECKING:
    from fairtrial.systems.services.targets.stores.objects import Bucket

PORT = 9000
SCHEMES = ("http", "https")


class Minio(Words):
    """Parameters of the target `minio`."""

    kind: Literal["minio"] = Field(default="minio", description="MinIO, or another store that speaks S3.")
    url: str = Field(default=f"http://127.0.0.1:{PORT}", description=f"http://HOST:{PORT} of a running server.")
    access_key: Secret | None = Field(default=None, description="Its access key; without one, anonymous.")
    secret_key: Secret | None = Field(default=None, description="Its secret key.")
    region: str = Field(default="us-east-1", min_length=1, description="Region of the bucket; so it is not asked for.")
    bucket: str = Field(default="fairtrial", min_length=3, max_length=63, description="Made where there is none.")
    prefix: str = Field(default="fairtrial", min_length=1, description="Objects are PREFIX/…; removed afterwards.")
    operation: Literal["get", "put", "mix"] = Field(default="get", description="mix: both, by put_share.")
    put_share: float = Field(default=0.1, gt=0, lt=1, description="Mix: share of the requests that put.")
    object_bytes: int = Field(default=2**20, ge=1, le=2**26, description="Size of an object.")
    objects: int = Field(default=100, ge=1, le=1_000_000, description="Objects that are loaded before, and got.")
    timeout_s: float = Field(default=60.0, gt=0, description="After it a thread gives up; beyond load.timeout_s.")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return address(url, schemes=SCHEMES, port=PORT)


class MinioTarget:
    """The adapter of MinIO."""

    kind: ClassVar[str] = "minio"
    measures: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, parameters: Minio) -> None:
        self._words = parameters
        self.operations = ("get", "put") if parameters.operation == "mix" else (parameters.operation,)

    def server(self) -> None:
        """Attach: none is started."""

    def require(self) -> None:
        """Check the extra, the keys and that something listens there. Raises MissingPart, UserError, ServiceFailed."""
        need("minio", extra="minio", whom="target minio")
        words = self._words
        if (words.access_key is None) != (words.secret_key is None):
            raise UserError("target minio has one key of two", hint="give access_key and secret_key, or neither")
        for key in filter(None, (words.access_key, words.secret_key)):
            key.reveal()
        _, host, port = place(words.url, schemes=SCHEMES, port=PORT)
        reach(host, port, what="minio")

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Say how it is reached."""
        return {"url": site(self._words.url, schemes=SCHEMES, port=PORT)}

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Make the bucket where there is none, and put every object that is to be got. Raises ServiceFailed."""
        import asyncio

        words = self._words
        wanted = 0 if words.operation == "put" else words.objects
        made = await asyncio.to_thread(self._bucket().fill, wanted, words.object_bytes, seed)
        return {"client": "minio, in threads", "bucket_made": made, "objects": wanted}

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Return none: its metrics need rights that a client has not."""
        return {}

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Return nothing: there are no counters."""
        return ""

    async def tidy(self, endpoint: Endpoint) -> None:
        """Remove the objects, and the bucket that `prepare` made if nothing else is in it."""
        import asyncio

        with contextlib.suppress(ServiceFailed):
            made = endpoint.get("prepared", {}).get("bucket_made", False)
            await asyncio.to_thread(self._bucket().clear, whole=made)

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make the connection of one virtual user."""
        from fairtrial.systems.services.targets.stores.objects import Caller

        return Caller(self._bucket)

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Return the endless requests of one virtual user; what it puts has names that no other client uses."""
        import numpy as np

        from fairtrial.systems.services.targets.stores.objects import Wanted, bodies

        words = self._words
        rng = np.random.default_rng([seed, 1, client])
        stock = bodies(words.object_bytes, rng)
        puts = {"get": 0.0, "put": 1.0, "mix": words.put_share}[words.operation]
        names = (f"{words.prefix}/{client}-{number}" for number in _count())

        def get(number: int) -> Request:
            return 0, Wanted("get", f"{words.prefix}/{number}", None, words.object_bytes)

        def put(turn: int) -> Request:
            return len(self.operations) - 1, Wanted("put", next(names), stock[turn % len(stock)], words.object_bytes)

        return _drawn(get, put, objects=words.objects, puts=puts, rng=rng)

    def _bucket(self) -> Bucket:
        from fairtrial.systems.services.targets.stores.objects import Bucket

        words = self._words
        scheme, host, port = place(words.url, schemes=SCHEMES, port=PORT)
        access, secret = (None if key is None else key.reveal() for key in (words.access_key, words.secret_key))
        where = f"{f'[{host}]' if ':' in host else host}:{port}"
        return Bucket(
            where,
            (access, secret),
            secure=scheme == "https",
            timeout_s=words.timeout_s,
            region=words.region,
            name=words.bucket,
            prefix=words.prefix,
        )


def _count() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def _drawn(get: Any, put: Any, *, objects: int, puts: float, rng: Any) -> Iterator[Request]:
    while True:
        chosen, writes = rng.integers(objects, size=256).tolist(), (rng.random(256) < puts).tolist()
        for turn, (number, write) in enumerate(zip(chosen, writes, strict=True)):
            yield put(turn) if write else get(number)
