"""Which file systems cannot carry a write-ahead log: its index is shared memory, which they do not share."""

from __future__ import annotations

from pathlib import Path

SHARED = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "lustre",
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "gpfs",
    "glusterfs",
    "fuse",
}
"""File-system types that are served by another machine, or may be (https://www.sqlite.org/wal.html, section 1)."""


def shared(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the type of the network file system that holds a folder; '' for a local one.

    Read from Linux's table of mounts (proc(5)); elsewhere every file system counts as local.
    """
    if not mounts.exists():
        return ""
    best, kind = "", ""
    text = str(folder.resolve())
    for line in mounts.read_text(errors="surrogateescape").splitlines():
        left, _, right = line.partition(" - ")
        point = _unescape(left.split()[4])
        if len(point) >= len(best) and (text == point or text.startswith(point.rstrip("/") + "/")):
            best, kind = point, right.split()[0]
    return kind if kind.partition(".")[0] in SHARED else ""


def _unescape(point: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, char)
    return point
