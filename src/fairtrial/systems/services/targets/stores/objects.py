"""Objects of a bucket through MinIO's blocking client: one thread and one connection a virtual user."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import NamedTuple

import minio
import numpy as np
import urllib3
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import exceptions

from fairtrial.errors import ServiceFailed
from fairtrial.systems.services.target import Reply, RequestFailed

MOST_BYTES = 2**26
"""Bytes of payload that a client keeps ready, at most."""


class Wanted(NamedTuple):
    """One request."""

    verb: str
    """`get` or `put`."""
    name: str
    body: bytes | None
    size: int
    """Bytes that a get must bring."""


def bodies(size: int, rng: np.random.Generator) -> list[bytes]:
    """Make a few payloads that do not compress."""
    return [rng.bytes(size) for _ in range(max(1, min(16, MOST_BYTES // size)))]


class Bucket:
    """A bucket, and the part of it that is ours. Nothing is retried: a failure is to be seen."""

    def __init__(
        self,
        where: str,
        keys: tuple[str | None, str | None],
        *,
        secure: bool,
        timeout_s: float,
        region: str,
        name: str,
        prefix: str,
    ) -> None:
        self._http = urllib3.PoolManager(
            retries=False, maxsize=1, timeout=urllib3.Timeout(connect=min(10.0, timeout_s), read=timeout_s)
        )
        access, secret = keys
        self._minio = minio.Minio(where, access, secret, secure=secure, region=region, http_client=self._http)
        self._name, self._prefix = name, prefix

    def close(self) -> None:
        """Close the connection, if it is idle."""
        self._http.clear()

    def ask(self) -> None:
        """Ask whether the bucket is there, which opens the connection. Raises RequestFailed."""
        with _classed():
            if not self._minio.bucket_exists(self._name):
                raise RequestFailed("s3_nosuchbucket", f"there is no bucket {self._name}")

    def do(self, wanted: Wanted) -> Reply:
        """Do one request. Raises RequestFailed."""
        with _classed():
            if wanted.body is not None:
                self._minio.put_object(self._name, wanted.name, BytesIO(wanted.body), len(wanted.body))
                return Reply()
            response = self._minio.get_object(self._name, wanted.name)
            first_ns = time.perf_counter_ns()
            try:
                held = len(response.read())
            finally:
                response.release_conn()
        if held != wanted.size:
            raise RequestFailed("s3_size", f"an object of {held} bytes, not of {wanted.size}", lost=False)
        return Reply(first_ns=first_ns, bytes_in=held)

    def fill(self, objects: int, size: int, seed: int) -> bool:
        """Make the bucket where there is none, and put the objects; say whether it was made. Raises ServiceFailed."""
        stock = bodies(size, np.random.default_rng(seed))
        with _reported():
            made = not self._minio.bucket_exists(self._name)
            if made:
                self._minio.make_bucket(self._name)
            for number in range(objects):
                self.do(Wanted("put", f"{self._prefix}/{number}", stock[number % len(stock)], size))
        return made

    def clear(self, *, whole: bool) -> None:
        """Remove the objects that are ours, and (`whole`) the bucket where nothing is left. Raises ServiceFailed."""
        with _reported():
            ours = self._minio.list_objects(self._name, prefix=f"{self._prefix}/", recursive=True)
            wrong = list(self._minio.remove_objects(self._name, (DeleteObject(str(one.object_name)) for one in ours)))
            if whole and not wrong and next(iter(self._minio.list_objects(self._name)), None) is None:
                self._minio.remove_bucket(self._name)


class Caller:
    """The thread of one virtual user."""

    def __init__(self, make: Callable[[], Bucket]) -> None:
        self._make = make
        self._bucket: Bucket | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def connect(self) -> None:
        """Start the thread and open its connection. Raises RequestFailed."""
        await self.close()
        self._bucket, self._thread = self._make(), ThreadPoolExecutor(1, "minio")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._bucket.ask)

    async def close(self) -> None:
        """Let the thread end once its request has; no wait for that."""
        bucket, self._bucket = self._bucket, None
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False, cancel_futures=True)
        if bucket is not None:
            bucket.close()

    async def call(self, wanted: Wanted) -> Reply:
        """Do one request in the thread. Raises RequestFailed."""
        if self._bucket is None:
            raise RequestFailed("refused", "not connected")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._bucket.do, wanted)


@contextlib.contextmanager
def _classed() -> Iterator[None]:
    try:
        yield
    except (MinioException, exceptions.HTTPError, OSError) as problem:
        raise failed(problem) from problem


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        with _classed():
            yield
    except RequestFailed as problem:
        raise ServiceFailed(f"minio failed: {problem.kind}: {problem}") from problem


def failed(problem: BaseException) -> RequestFailed:
    """Name the class of a failure that MinIO's client or urllib3 raised."""
    if isinstance(problem, S3Error):
        return RequestFailed(f"s3_{(problem.code or 'unknown').lower()}", problem.message or "")
    if isinstance(problem, ServerError):
        return RequestFailed(f"http_{problem.status_code}", str(problem))
    if isinstance(problem, InvalidResponseError):
        return RequestFailed("protocol", str(problem))
    cause = getattr(problem, "reason", problem)
    if isinstance(cause, exceptions.NewConnectionError | ConnectionRefusedError):
        return RequestFailed("refused", str(problem))
    if isinstance(cause, exceptions.TimeoutError | TimeoutError):
        return RequestFailed("timeout", str(problem))
    if isinstance(cause, exceptions.HTTPError | OSError):
        return RequestFailed("reset", str(problem))
    return RequestFailed("protocol", str(problem))
