"""Where, with what and from which code a driver runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fairtrial.execute.machine.host import Host
from fairtrial.model.provenance import Code, Provenance

DIFF_BYTES = 1 << 20
NAMES = 1000


def collect(folder: Path, command: Sequence[str], inputs: Mapping[str, str]) -> Provenance:
    """Collect the provenance of code in `folder`; `inputs` are digests by name. No environment variable enters it."""
    packages = dict(sorted(_packages()))
    return Provenance(
        code=code(folder),
        machine=Host().describe(),
        python=sys.version,
        fairtrial=packages.get("fairtrial", ""),
        packages=packages,
        command=tuple(command),
        folder=str(folder),
        inputs=dict(inputs),
    )


def code(folder: Path) -> Code:
    """Return the git commit of a folder and what was changed since; nothing where git or a repository is missing."""
    commit = _git(folder, "rev-parse", "HEAD", limit=100).decode().strip()
    if not commit:
        return Code()
    diff = _git(folder, "diff", "HEAD", "--no-ext-diff", "--no-color", "--no-textconv", limit=DIFF_BYTES + 1)
    names = _git(folder, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/", limit=DIFF_BYTES)
    untracked = [name for name in names.decode(errors="replace").split("\0") if name]
    shown = untracked[:NAMES]
    if len(untracked) > NAMES:
        shown.append(f"… and {len(untracked) - NAMES} more")
    return Code(commit=commit, dirty=bool(diff or untracked), diff=_cut(diff), untracked=tuple(shown))


def _cut(diff: bytes) -> str:
    if len(diff) <= DIFF_BYTES:
        return diff.decode(errors="replace")
    last = b"\n[cut: the diff is longer than 1 MB]\n"
    return (diff[: DIFF_BYTES - len(last)] + last).decode(errors="replace")


def _git(folder: Path, *words: str, limit: int) -> bytes:
    """Return the first `limit` bytes that a git command prints; nothing where it fails."""
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", "-C", str(folder), *words]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
        )
    except OSError:
        return b""
    with process:
        assert process.stdout is not None
        found = process.stdout.read(limit)
        if len(found) == limit:
            process.kill()
            return found
        return found if process.wait() == 0 else b""


def _packages() -> Iterator[tuple[str, str]]:
    """Yield (name, version) of what is installed, from the names of the metadata folders: reading each takes longer."""
    seen: set[str] = set()
    for place in (Path(entry or ".") for entry in sys.path):
        if not place.is_dir():
            continue
        for folder in place.glob("*.dist-info"):
            name, _, version = folder.name.removesuffix(".dist-info").partition("-")
            name = name.replace("_", "-").lower()
            if version and name not in seen:
                seen.add(name)
                yield name, version
