"""Records between driver, guardian, parent, keeper and trial: JSON over one SOCK_SEQPACKET socket, whole or absent."""

# ruff: noqa: PTH108
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import _socket
import json
import os
from collections.abc import Sequence
from typing import Any

MESSAGE_BYTES = 150_000
"""Longer messages go by file: a packet may not exceed the socket's buffer (212,992 bytes by default)."""
BUFFER_BYTES = 1 << 18
OUTBOX_BYTES, OUTBOX_RECORDS = 64_000, 256

Record = list[Any]


class Closed(Exception):
    """The other end is gone."""


class Wire:
    """One end of a packet socket. A message is a list of JSON records and raw bytes behind them."""

    def __init__(self, descriptor: int, spill: str) -> None:
        """Take over a descriptor; `spill` is the folder for messages that are too long for a packet."""
        self.socket = _socket.socket(fileno=descriptor)
        self.descriptor = descriptor
        self._spill = spill
        self._spilled = 0
        self._encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode
        self._buffer: bytearray | None = None

    def send(self, records: Sequence[Record], blob: bytes = b"", *, pass_fd: int | None = None) -> None:
        """Send one message, blocking. Raises Closed where nobody listens, BlockingIOError on a non-blocking end."""
        self.send_raw(self.pack(records, blob), pass_fd=pass_fd)

    def pack(self, records: Sequence[Record], blob: bytes = b"") -> bytes:
        """Encode a message, moving it to a file where it is too long for a packet."""
        data = self._encode(records).encode() + b"\n" + blob
        if len(data) <= MESSAGE_BYTES:
            return data
        self._spilled += 1
        path = f"{self._spill}/spill-{os.getpid()}-{self._spilled}"
        with open(path, "wb") as file:
            file.write(data)
        return self._encode([["file", path]]).encode() + b"\n"

    def send_raw(self, data: bytes, *, pass_fd: int | None = None) -> None:
        """Send an encoded message."""
        try:
            if pass_fd is None:
                os.write(self.descriptor, data)
            else:
                rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pass_fd.to_bytes(4, "little"))
                self.socket.sendmsg([data], [rights])
        except (BrokenPipeError, ConnectionResetError) as problem:
            raise Closed from problem

    def receive(self) -> tuple[list[Record], bytes, int | None]:
        """Receive one message: records, raw bytes, and the descriptor that came with it.

        Raises Closed at the end, BlockingIOError where nothing is there on a non-blocking end.
        """
        if self._buffer is None:
            self._buffer = bytearray(BUFFER_BYTES)
        try:
            size, extra, _, _ = self.socket.recvmsg_into(
                [self._buffer], _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionResetError as problem:
            raise Closed from problem
        if size == 0:
            raise Closed
        passed = int.from_bytes(extra[0][2][:4], "little") if extra else None
        records, blob = _unpack(bytes(memoryview(self._buffer)[:size]))
        return records, blob, passed

    def set_blocking(self, blocking: bool, /) -> None:
        """Choose whether `send` and `receive` wait."""
        os.set_blocking(self.descriptor, blocking)

    def close(self) -> None:
        """Close; may be called twice."""
        self.socket.close()


class Outbox:
    """Gathers records, so that one message carries what one turn of a loop had to say."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._records: list[Record] = []
        self._blobs: list[bytes] = []

    def add(self, *records: Record, blobs: Sequence[bytes] = ()) -> None:
        """Add records, and the raw bytes that the last of them speaks of."""
        self._records += records
        self._blobs += blobs
        if sum(map(len, self._blobs)) > OUTBOX_BYTES or len(self._records) > OUTBOX_RECORDS:
            self.flush()

    def flush(self) -> None:
        """Send what is there. Raises Closed where nobody listens."""
        if self._records:
            self._wire.send(self._records, b"".join(self._blobs))
            self._records, self._blobs = [], []


def pair() -> tuple[int, int]:
    """Make a connected pair of packet sockets; both descriptors are closed on exec."""
    left, right = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    return left.detach(), right.detach()


def _unpack(data: bytes) -> tuple[list[Record], bytes]:
    head, _, blob = data.partition(b"\n")
    records = json.loads(head)
    if records and records[0][0] == "file":
        path = records[0][1]
        with open(path, "rb") as file:
            data = file.read()
        os.unlink(path)
        return _unpack(data)
    return records, blob


def _plain(value: Any) -> Any:
    if hasattr(value, "keys"):
        return dict(value)
    if hasattr(value, "__iter__"):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
