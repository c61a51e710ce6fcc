"""Speaking with a running driver: one line of JSON each way over a Unix socket that only this user can reach."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, BaseSelector
from typing import Any

from fairtrial.errors import MissingPart, UserError
from fairtrial.execute.machine.runtime import private
from fairtrial.model.identity import digest

Message = Mapping[str, Any]
_LINE_BYTES = 65536
_ADDRESS_BYTES = 100
"""sockaddr_un holds 108 bytes on Linux, 104 on macOS."""


def path_for(folder: Path, study: str, *, base: Path | None = None) -> Path:
    """Return the socket of the driver of a study in a book's folder; short, as socket addresses must be."""
    return private(base) / f"{digest([str(folder.resolve()), study]).hex()[:16]}.sock"


def request(
    folder: Path, study: str, message: Message, *, timeout_s: float = 10.0, base: Path | None = None
) -> dict[str, Any]:
    """Send a verb to the driver of a study and return its answer.

    Verbs: status; pause; resume; cancel (with `trial`: a digest in hexadecimal, for one); set (with `jobs`).
    Answers hold `progress` and `pid`.
    Raises UserError where the study is not running, or the driver refuses.
    """
    path = path_for(folder, study, base=base)
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout_s)
        try:
            with _address(path) as address:
                link.connect(address)
            link.sendall(json.dumps(dict(message)).encode() + b"\n")
            with link.makefile("rb") as stream:
                line = stream.readline()
        except TimeoutError:
            raise UserError(f"study {study!r} is running and does not answer", hint="try again later") from None
        except OSError:
            line = b""
    if not line:
        raise UserError(f"study {study!r} is not running", hint="fairtrial list shows what is")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise UserError(answer["error"])
    return answer


class Control:
    """The driver's end: reads requests inside the driver's own loop, through its selector; no thread."""

    def __init__(self, path: Path, selector: BaseSelector, handle: Callable[[Message], Message]) -> None:
        self._path = path
        self._selector = selector
        self._handle = handle
        self._listener: socket.socket | None = None
        self._clients: dict[socket.socket, bytearray] = {}

    def open(self) -> None:
        """Listen. A socket file left by a dead driver is replaced: the study is held by this one."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.setblocking(False)  # noqa: FBT003  (the socket's own signature)
        try:
            with _address(self._path) as address:
                listener.bind(address)
        except OSError as problem:
            listener.close()
            raise MissingPart(f"cannot listen at {self._path}: {problem.strerror}", hint="set TMPDIR") from None
        listener.listen(16)
        self._listener = listener
        self._selector.register(self._listener, EVENT_READ, self._accept)

    def _accept(self) -> None:
        assert self._listener is not None
        with suppress(BlockingIOError, ConnectionAbortedError):
            client, _ = self._listener.accept()
            client.setblocking(False)  # noqa: FBT003
            self._clients[client] = bytearray()
            self._selector.register(client, EVENT_READ, lambda: self._read(client))

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(_LINE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        buffer = self._clients[client]
        buffer += data
        if not data or len(buffer) > _LINE_BYTES:
            self._drop(client)
            return
        while b"\n" in buffer:
            line, _, rest = bytes(buffer).partition(b"\n")
            buffer[:] = rest
            try:
                client.sendall(json.dumps(self._answer(line)).encode() + b"\n")
            except OSError:  # gone, or it does not read: an answer fits the socket's buffer many times
                self._drop(client)
                return

    def _answer(self, line: bytes) -> Message:
        try:
            message = json.loads(line)
        except ValueError:
            return {"error": "a request is one line of JSON"}
        if not isinstance(message, dict):
            return {"error": "a request is a JSON object"}
        try:
            return self._handle(message)
        except UserError as problem:
            return {"error": str(problem)}

    def _drop(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        del self._clients[client]
        client.close()

    def close(self) -> None:
        """Stop listening; may be called twice."""
        for client in list(self._clients):
            self._drop(client)
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._path.unlink(missing_ok=True)
            self._listener = None


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """Give the path in a form that fits a socket address: a long one goes by way of an open folder (Linux)."""
    if len(os.fsencode(path)) <= _ADDRESS_BYTES:
        yield str(path)
        return
    if sys.platform != "linux":
        raise MissingPart(f"{path} is too long for a socket", hint="set TMPDIR to a shorter path")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
