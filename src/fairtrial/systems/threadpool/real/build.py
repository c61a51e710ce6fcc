"""The native pool's library: compiled with this machine's C compiler when first wanted, kept in the user's cache."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from hashlib import blake2b
from pathlib import Path

from fairtrial.errors import MissingPart

SOURCES = ("pool.c", "costs.c")
HEADERS = ("threads.h",)
FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared", "-pthread")
COMPILERS = ("cc", "gcc", "clang")
PATIENCE_S = 120


def require() -> tuple[str, ...]:
    """Return the command of this machine's C compiler (CC, else cc, gcc, clang). Raises MissingPart without one."""
    if os.name != "posix":
        raise MissingPart(f"the real pool needs POSIX threads, which {platform.system()} has not", hint="use Linux")
    named = shlex.split(os.environ.get("CC", ""))
    if named and shutil.which(named[0]) is None:
        raise MissingPart(f"CC names the compiler {named[0]!r}, which is not there", hint="unset CC, or install it")
    found = named or [name for name in COMPILERS if shutil.which(name)][:1]
    if not found:
        bring = "xcode-select --install" if sys.platform == "darwin" else "apt-get install gcc libc6-dev"
        raise MissingPart("the real pool needs a C compiler", hint=bring)
    return tuple(found)


def build() -> Path:
    """Return the library, compiling it where this source, compiler and flags have not been yet.

    Several processes may do so at once: each compiles its own, and the last to end puts the same in place. Raises
    MissingPart: no compiler, no cache folder, or it does not compile (the message names the log).
    """
    command = require()
    folder = _folder()
    target = folder / f"pool-{_digest(command)}.so"
    if not target.exists():
        _compile(command, target)
    return target


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "fairtrial" / "threadpool"
    hint = "set XDG_CACHE_HOME to a folder of yours"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise MissingPart(f"cannot make {folder}: {problem.strerror}", hint=hint) from None
    if folder.stat().st_uid != os.geteuid():  # what lies there is loaded into this process
        raise MissingPart(f"{folder} belongs to another user", hint=hint)
    return folder


def _digest(command: tuple[str, ...]) -> str:
    """Return 20 hexadecimal digits that change with the source, the compiler, its version and the flags."""
    parts = [Path(__file__).with_name(name).read_bytes() for name in (*SOURCES, *HEADERS)]
    parts += [" ".join((*command, *FLAGS, platform.machine())).encode(), _ask([*command, "--version"]).stdout]
    return blake2b(b"\0".join(parts), digest_size=10).hexdigest()


def _compile(command: tuple[str, ...], target: Path) -> None:
    sources = [str(Path(__file__).with_name(name)) for name in SOURCES]
    log = target.with_suffix(".log")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / target.name
            done = _ask([*command, *FLAGS, "-o", str(made), *sources])
            if done.returncode == 0:
                made.replace(target)
                return
            log.write_bytes(done.stdout)
    except OSError as problem:
        hint = "make room, or set XDG_CACHE_HOME to a folder of yours"
        raise MissingPart(f"cannot write to {target.parent}: {problem.strerror}", hint=hint) from None
    raise MissingPart(f"{shlex.join(command)} cannot compile the real pool", hint=f"what it said is in {log}")


def _ask(argv: list[str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MissingPart(
            f"{argv[0]} did not answer within {PATIENCE_S} s", hint="name another compiler in CC"
        ) from None
