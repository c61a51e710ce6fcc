"""PostgreSQL as a server that can be started here: a cluster of its own in a fresh temporary folder."""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairtrial.errors import MissingPart, ServiceFailed, UserError, nearest
from fairtrial.resources import folder as folders
from fairtrial.resources import process
from fairtrial.resources.installation import (
    Installation,
    Owner,
    arguments,
    check_settings,
    environment,
    find,
    owner,
    usable,
)

OPTIONS = ("binaries", "port", "settings")
OURS = frozenset(
    {
        "config_file",
        "data_directory",
        "external_pid_file",
        "hba_file",
        "ident_file",
        "listen_addresses",
        "log_destination",
        "logging_collector",
        "port",
        "unix_socket_directories",
    }
)
"""Settings that decide where the server lies and how it is reached."""
DEFAULTS = {"max_connections": "500"}
"""What is set unless the study says otherwise: a level must not fail because there is no connection left."""
PORT = 5432
"""Names the socket where no TCP port is listened on."""
LONGEST = 107 - len("/.s.PGSQL.65535.lock")
"""A socket's path fits into 107 bytes."""
READY_S = 60.0
SHUTDOWN_S = 30.0
SHARED = "/dev/shm"  # noqa: S108 where Linux keeps shared memory
IPC_RMID = 0


class Postgres:
    """Starts PostgreSQL.

    Options: `binaries` (folder of its programs), `settings` (name -> value), `port` (TCP on the loopback beside the
    Unix socket; 0: a free one).
    """

    name = "postgres"

    def require(self, options: Mapping[str, Any]) -> None:
        """Check options, settings and port, and that the programs are there. Raises UserError, MissingPart."""
        found, settings = _understood(options)
        with tempfile.TemporaryDirectory(prefix="fairtrial-check-") as empty:
            check_settings(found, settings, Path(empty))
        owner()

    def start(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Make a cluster and start it; see `contract.resource.Server`.

        The handle has `dsn` (of the socket, or of TCP where a port was asked for; a password is in a file that it
        names), `folder` (the cluster's), `binaries`, `settings` as given, `log`.
        """
        self.require(options)
        found, settings = _understood(options)
        owned = owner()
        place = folders.fresh("postgres", user=owned.user, group=owned.group, longest=LONGEST)
        try:
            folders.sweep("postgres", beside=place, users={os.geteuid(), owned.user or os.geteuid()})
            cluster = Cluster(usable(found, owned, place), owned, place, folder / "postgres.log")
            return cluster.start(settings, _port(options))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def stop(self, handle: Mapping[str, Any]) -> None:
        """Shut down (fast: sessions are ended, what they had not committed is rolled back) and remove the data."""
        for pid, since in zip(handle["pids"], handle["started"], strict=True):
            process.stop(pid, started=since, how=signal.SIGINT, grace_s=SHUTDOWN_S)
        if (Path(handle["folder"]) / "data" / "postmaster.pid").exists():  # it was killed: an orderly end removes that
            _free(handle["shared"])
        shutil.rmtree(handle["folder"], ignore_errors=True)

    def ailing(self, handle: Mapping[str, Any]) -> str:
        """Say that the postmaster is gone, and how; '' while it runs."""
        why = process.ailing(handle)
        return f"PostgreSQL's {why}" if why else ""


def _understood(options: Mapping[str, Any]) -> tuple[Installation, dict[str, str]]:
    for name in options:
        if name not in OPTIONS:
            raise UserError(f"postgres has no option {name!r}", hint=nearest(name, OPTIONS))
    settings = DEFAULTS | {name: _text(name, value) for name, value in (options.get("settings") or {}).items()}
    port = options.get("port")
    if port and process.taken(port):
        raise MissingPart(f"port {port} is taken", hint="choose another port, or 0 for a free one")
    return find(options.get("binaries")), settings


def _text(name: str, value: Any) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name):
        raise UserError(f"settings: {name!r} is not the name of a setting of PostgreSQL")
    if name.lower() in OURS:
        raise UserError(f"settings: {name} is fairtrial's to choose", hint="leave it out")
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _port(options: Mapping[str, Any]) -> int | None:
    port = options.get("port")
    return process.free_port() if port == 0 else port


class Cluster:
    """One cluster: programs, who runs them, its folder, its log."""

    def __init__(self, found: Installation, owned: Owner, folder: Path, log: Path) -> None:
        self._found, self._owned, self._folder, self._log = found, owned, folder, log
        self._data = folder / "data"

    def start(self, settings: Mapping[str, str], port: int | None) -> dict[str, Any]:
        """Make the data folder, start the server on it, wait until it takes connections; return the handle."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._initialise()
        with folders.held(self._folder) as lock:
            pid = self._spawn(self._argv(settings, port), keep=(lock,))
        handle = process.running(pid)
        try:
            process.await_ready(self._ready, pid=pid, log=self._log, what="PostgreSQL", timeout_s=READY_S)
        except BaseException as problem:
            process.stop(pid, started=handle["started"][0], how=signal.SIGQUIT)
            if port is not None and isinstance(problem, ServiceFailed) and process.taken(port):
                raise ServiceFailed(f"port {port} is taken: {problem.message}") from problem
            raise
        return handle | {
            "version": self._found.version,
            "dsn": self._dsn(port),
            "folder": str(self._folder),
            "binaries": str(self._found.binaries),
            "settings": dict(settings),
            "log": str(self._log),
            "shared": {"files": _mapped(pid), "segment": self._segment()},
        }

    def _initialise(self) -> None:
        words = ("--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8", "-U", "postgres")
        access = ("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={self._password()}")
        pid = self._spawn([self._found.binaries / "initdb", "-D", self._data, *words, *access])
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code != 0:
            raise ServiceFailed(f"initdb ended with code {code}: {process.tail(self._log)}")

    def _password(self) -> Path:
        """Write the password for TCP, for initdb and for clients; the socket needs none: its folder is closed."""
        word = secrets.token_hex(16)
        for name, text in (("password", word), ("passfile", f"*:*:*:*:{word}")):
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_text(f"{text}\n")
            if self._owned.user is not None:
                os.chown(path, self._owned.user, -1)
        return self._folder / "password"

    def _argv(self, settings: Mapping[str, str], port: int | None) -> list[str | Path]:
        listen = "" if port is None else "127.0.0.1"
        where = {"listen_addresses": listen, "port": str(port or PORT), "unix_socket_directories": str(self._folder)}
        return [self._found.binaries / "postgres", "-D", self._data, *arguments({**settings, **where})]

    def _spawn(self, argv: list[str | Path], keep: tuple[int, ...] = ()) -> int:
        return process.spawn(
            argv,
            log=self._log,
            env=environment(),
            folder=self._folder,
            user=self._owned.user,
            group=self._owned.group,
            dying=signal.SIGQUIT,  # immediate shutdown: unlike SIGKILL it leaves no shared memory behind
            keep=keep,
        )

    def _ready(self) -> bool:
        """Read the state where pg_ctl does: the eighth line of postmaster.pid."""
        lines = self._postmaster()
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _postmaster(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _segment(self) -> int | None:
        words = self._postmaster()[6].split()
        return int(words[1]) if len(words) > 1 else None

    def _dsn(self, port: int | None) -> str:
        if port is None:
            return f"postgresql://postgres@/postgres?host={self._folder}&port={PORT}"
        return f"postgresql://postgres@127.0.0.1:{port}/postgres?passfile={self._folder / 'passfile'}"


def _mapped(pid: int) -> list[str]:
    """List the files of shared memory that a postmaster has open: its list of those that its SIGKILL would leave."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    except OSError:
        return []
    return sorted({line.split()[-1] for line in lines if f"{SHARED}/PostgreSQL." in line})


def _free(shared: Mapping[str, Any]) -> None:
    """Remove the shared memory that a killed postmaster could not remove.

    The segment that it had open lists the others by the numbers in their names.
    """
    for control in map(Path, shared["files"]):
        if control.exists():
            others = {int(path.suffix[1:]): path for path in control.parent.glob("PostgreSQL.*")}
            listed = set(memoryview(control.read_bytes()).cast("I"))
            for path in (control, *(others[number] for number in listed & others.keys())):
                path.unlink(missing_ok=True)
    if shared["segment"] is not None and sys.platform == "linux":
        ctypes.CDLL(None).shmctl(shared["segment"], IPC_RMID, None)
