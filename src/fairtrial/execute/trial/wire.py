"""Records between driver, guardian, parent, keeper and trial, over SOCK_SEQPACKET: a message is whole or absent.

Records are lists of plain values in marshal format: all of them run the same interpreter, and in a forked child every
Python function that is called costs pages to copy, so the encoder is one call into C.
"""

# ruff: noqa: PTH108, S302
# (no pathlib in what the parent of trials loads: every fork would copy its pages)

from __future__ import annotations

import _socket
import marshal
import os
from typing import Any

MESSAGE_BYTES = 150_000
"""Longer messages go by file: a packet may not exceed the socket's buffer (212,992 bytes by default)."""
BUFFER_BYTES = 1 << 18
OUTBOX_RECORDS = 64
FORMAT = 2
"""marshal's format without references between equal objects, which would cost a table."""

Record = list[Any]


class Closed(Exception):
    """The other end is gone."""


class Wire:
    """One end of a packet socket. A message is a list of records."""

    def __init__(self, descriptor: int, spill: str) -> None:
        """Take over a descriptor; `spill` is the folder for messages that are too long for a packet."""
        self.socket = _socket.socket(fileno=descriptor)
        self.descriptor = descriptor
        self._spill = spill
        self._buffer: bytearray | None = None

    def send(self, records: list[Record], *, pass_fd: int | None = None) -> None:
        """Send one message, blocking. Raises Closed where nobody listens, BlockingIOError on a non-blocking end."""
        self.send_raw(self.pack(records), pass_fd)

    def pack(self, records: list[Record]) -> bytes:
        """Encode a message, moving it to a file where it is too long for a packet.

        The file's name is drawn: many ends share the folder, and pids repeat across PID namespaces.
        """
        try:
            data = marshal.dumps(records, FORMAT)
        except ValueError:  # a mapping, an enum or the like in the parameters
            data = marshal.dumps(_plain(records), FORMAT)
        if len(data) <= MESSAGE_BYTES:
            return data
        path = f"{self._spill}/spill-{os.urandom(8).hex()}"
        with open(path, "wb", opener=private) as file:
            file.write(data)
        return marshal.dumps([["file", path]], FORMAT)

    def send_raw(self, data: bytes, pass_fd: int | None = None) -> None:
        """Send an encoded message."""
        try:
            if pass_fd is None:
                os.write(self.descriptor, data)
            else:
                rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pass_fd.to_bytes(4, "little"))
                self.socket.sendmsg([data], [rights])
        except (BrokenPipeError, ConnectionResetError) as problem:
            raise Closed from problem

    def receive(self) -> tuple[list[Record], int | None]:
        """Receive one message: its records, and the descriptor that came with it.

        Raises Closed at the end, BlockingIOError where nothing is there on a non-blocking end.
        """
        if self._buffer is None:
            self._buffer = bytearray(BUFFER_BYTES)
        try:
            size, extra, _, _ = self.socket.recvmsg_into([self._buffer], 64, _socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError as problem:
            raise Closed from problem
        if size == 0:
            raise Closed
        records = marshal.loads(self._buffer)  # reads one object, whatever lies behind it
        if records and records[0][0] == "file":
            records = _unspilled(records[0][1])
        return records, int.from_bytes(extra[0][2][:4], "little") if extra else None

    def set_blocking(self, blocking: bool, /) -> None:
        """Choose whether `send` and `receive` wait."""
        os.set_blocking(self.descriptor, blocking)

    def close(self) -> None:
        """Close; may be called twice."""
        self.socket.close()


class Frames:
    """Messages through a file, for where there are no packet sockets: each behind its length, so that it is whole."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._at = 0

    def send(self, records: list[Record]) -> None:
        """Append one message."""
        data = marshal.dumps(_plain(records), FORMAT)
        os.write(self._descriptor, len(data).to_bytes(8, "little") + data)

    def receive(self) -> list[Record]:
        """Return the records of all messages that are new and whole."""
        found: list[Record] = []
        while len(head := os.pread(self._descriptor, 8, self._at)) == 8:
            size = int.from_bytes(head, "little")
            data = os.pread(self._descriptor, size, self._at + 8)
            if len(data) < size:
                break
            found += marshal.loads(data)
            self._at += 8 + size
        return found

    def close(self) -> None:
        """Close."""
        os.close(self._descriptor)


class Outbox:
    """Gathers records, so that one message carries what one turn of a loop had to say."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.records: list[Record] = []

    def add(self, record: Record) -> None:
        """Add a record."""
        self.records.append(record)
        if len(self.records) > OUTBOX_RECORDS:
            self.flush()

    def flush(self) -> None:
        """Send what is there. Raises Closed where nobody listens."""
        if self.records:
            self._wire.send(self.records)
            self.records = []


def pair() -> tuple[int, int]:
    """Make a connected pair of packet sockets; both descriptors are closed on exec."""
    left, right = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    return left.detach(), right.detach()


def private(path: str, flags: int) -> int:
    """Open a file that only this user may read: parameters, handles and output are nobody else's."""
    return os.open(path, flags, 0o600)


def save(path: str, value: Any) -> None:
    """Write one plain value to a file of this user's own."""
    with open(path, "wb", opener=private) as file:
        file.write(marshal.dumps(_plain(value), FORMAT))


def load(path: str) -> Any:
    """Read what `save` wrote."""
    with open(path, "rb") as file:
        return marshal.loads(file.read())


def _unspilled(path: str) -> list[Record]:
    records: list[Record] = load(path)
    os.unlink(path)
    return records


def _plain(value: Any) -> Any:
    """Turn what stands for a plain value into one: mappings, sequences, and subclasses of numbers and strings."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if hasattr(value, "keys"):
        return {_plain(key): _plain(value[key]) for key in value}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    for plain in (int, float, str):
        if isinstance(value, plain):
            return plain(value)
    raise TypeError(f"{type(value).__name__} is not a plain value")
