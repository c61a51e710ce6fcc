"""PostgreSQL is started in a folder of its own, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from fairtrial.errors import MissingPart, ServiceFailed, UserError
from fairtrial.resources import folder as folders
from fairtrial.resources import installation, process
from fairtrial.resources.postgres import Postgres

asyncpg = pytest.importorskip("asyncpg", reason="asyncpg is not installed: pip install 'fairtrial[services]'")

try:
    FOUND = installation.find()
except MissingPart as missing:
    pytest.skip(str(missing), allow_module_level=True)

ROOT = os.geteuid() == 0


def ask(handle: Mapping[str, Any], query: str) -> Any:
    """Ask a server one thing."""

    async def answer() -> Any:
        connection = await asyncpg.connect(handle["dsn"])
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(answer())


def surroundings() -> dict[str, tuple[int, int, int]]:
    """Return mode and owner of everything that a careless start might loosen: temporary folders, all parents."""
    places = {Path(tempfile.gettempdir()), Path("/tmp"), FOUND.binaries, Path.cwd(), Path.home()}
    family = {parent for place in places for parent in (place, *place.parents)}
    beside = {
        child for place in places if place.name in ("tmp", "") or "ft-" in place.name for child in place.glob("*")
    }
    return {str(path): facts for path in family | beside if (facts := _facts(path))}


def _facts(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return (found.st_mode, found.st_uid, found.st_gid)


def kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether what was there before is as it was (other tests may come and go)."""
    return all(after[path] == facts for path, facts in before.items() if path in after)


def left(handle: Mapping[str, Any]) -> list[str]:
    """List what a stopped server left: processes, folders, sockets, shared memory."""
    alive = [str(pid) for pid in handle["pids"] if process.started(pid) is not None]
    return alive + [path for path in (handle["folder"], *handle["shared"]["files"]) if Path(path).exists()]


def shared_memory(pid: int) -> set[str]:
    """List the files of shared memory that a server and its children have open."""
    family = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    lines = [line for member in family for line in Path(f"/proc/{member}/maps").read_text().splitlines()]
    return {line.split()[-1] for line in lines if "/PostgreSQL." in line}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """Two servers at once: one on its socket with settings, one on TCP."""
    server, log = Postgres(), tmp_path_factory.mktemp("logs")
    started: list[dict[str, Any]] = []
    try:
        started.append(
            server.start({"settings": {"shared_buffers": "24MB", "fsync": False, "work_mem": 2048}}, log / "a")
        )
        started.append(server.start({"port": 0}, log / "b"))
        yield started
    finally:
        for handle in started:
            server.stop(handle)


def test_settings_are_in_force(two: list[dict[str, Any]]) -> None:
    """What was asked for is what the server says; connections are plenty by default."""
    asked = {name: ask(two[0], f"SHOW {name}") for name in ("shared_buffers", "fsync", "work_mem", "max_connections")}
    assert asked == {"shared_buffers": "24MB", "fsync": "off", "work_mem": "2MB", "max_connections": "500"}
    assert ask(two[1], "SHOW shared_buffers") == "128MB"


def test_two_servers_run_at_once(two: list[dict[str, Any]]) -> None:
    """Each has its own folder, processes and data."""
    ask(two[0], "CREATE TABLE here AS SELECT 1")
    assert ask(two[1], "SELECT to_regclass('here')") is None
    assert two[0]["folder"] != two[1]["folder"]
    assert [Postgres().ailing(handle) for handle in two] == ["", ""]


def test_the_handle_says_what_others_need(two: list[dict[str, Any]]) -> None:
    """It is JSON, names version, processes and log, and holds no password."""
    handle = two[1]
    assert json.loads(json.dumps(handle)) == handle
    assert ask(handle, "SHOW server_version") == handle["version"]
    assert Path(handle["log"]).is_file()
    word = Path(handle["folder"], "password").read_text().strip()
    assert word
    assert word not in json.dumps(handle)


def test_tcp_wants_the_password(two: list[dict[str, Any]]) -> None:
    """Other users of the machine cannot come in through the port, and the folder of the socket is closed to them."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask({"dsn": two[1]["dsn"].partition("?")[0].replace("postgres@", "postgres:wrong@")}, "SELECT 1")
    assert Path(two[0]["folder"]).stat().st_mode & 0o077 == 0


def test_a_running_server_is_not_swept_away(two: list[dict[str, Any]]) -> None:
    """Only folders whose server is gone are removed by the next start."""
    users = {Path(handle["folder"]).stat().st_uid for handle in two}
    folders.sweep("postgres", beside=Path(two[0]["folder"]).with_name("elsewhere"), users=users)
    assert [ask(handle, "SELECT 1") for handle in two] == [1, 1]


def test_nothing_is_left_and_no_mode_changes(tmp_path: Path) -> None:
    """Starting and stopping changes no folder but its own, and takes everything along."""
    before, users = surroundings(), sorted(entry.pw_name for entry in pwd.getpwall())
    handle = Postgres().start({}, tmp_path)
    during = surroundings()
    Postgres().stop(handle)
    assert kept(before, during)
    assert kept(before, surroundings())
    assert sorted(entry.pw_name for entry in pwd.getpwall()) == users
    assert not left(handle)
    assert Postgres().ailing(handle)
    Postgres().stop(handle)


def test_a_killed_postmaster_is_noticed_and_cleaned_up(tmp_path: Path) -> None:
    """SIGKILL is named, and stop removes even what only the postmaster could have."""
    handle = Postgres().start({}, tmp_path)
    try:
        assert Postgres().ailing(handle) == ""
        opened = shared_memory(handle["pids"][0])
        os.kill(handle["pids"][0], signal.SIGKILL)
        while not Postgres().ailing(handle):
            time.sleep(0.01)
        assert f"PostgreSQL's process {handle['pids'][0]} was killed by SIGKILL" in Postgres().ailing(handle)
    finally:
        Postgres().stop(handle)
    assert not left(handle)
    assert not [path for path in opened if Path(path).exists()]
    listed = (
        subprocess.run(["ipcs", "-m"], capture_output=True, text=True, check=False).stdout
        if shutil.which("ipcs")
        else ""
    )
    assert str(handle["shared"]["segment"]) not in [line.split()[1] for line in listed.splitlines() if line[:2] == "0x"]


def test_a_killed_starter_takes_the_server_along(tmp_path: Path) -> None:
    """After kill -9 of the starter the server ends, and the next start removes its folder."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent died")
    code = (
        "import json, time; from pathlib import Path; from fairtrial.resources.postgres import Postgres; "
        f"print(json.dumps(Postgres().start({{}}, Path({str(tmp_path)!r}))), flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        handle = json.loads(starter.stdout.readline())
        starter.kill()
    while process.started(handle["pids"][0]) == handle["started"][0]:
        time.sleep(0.01)
    place = Path(handle["folder"])
    while place.exists():  # its last processes may still hold it
        folders.sweep("postgres", beside=place.with_name("elsewhere"), users={place.stat().st_uid})
        time.sleep(0.01)
    assert not left(handle)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"shared_bufers": "64MB"},
            r"unrecognized configuration parameter \"shared_bufers\" \(did you mean 'shared_buffers'",
        ),
        ({"work_mem": "1kB"}, 'outside the valid range for parameter "work_mem"'),
        ({"shared_buffers": "64XB"}, r'invalid value for parameter "shared_buffers": "64XB" \(Valid units'),
        ({"data_directory": "/"}, "data_directory is fairtrial's to choose"),
        ({"Port": 1}, "Port is fairtrial's to choose"),
        ({"x; y": 1}, "'x; y' is not the name of a setting"),
    ],
)
def test_bad_settings_are_the_users_mistake(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    """One line with the server's own words, before anything starts."""
    for refuse in (Postgres().require, lambda options: Postgres().start(options, tmp_path)):
        with pytest.raises(UserError, match=said) as caught:
            refuse({"settings": settings})
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_settings_that_fail_at_the_start_leave_nothing(tmp_path: Path) -> None:
    """What only a start can tell ends with the server's log, and its folder is gone."""
    before = set(Path("/tmp").glob("fairtrial-postgres-*"))
    with pytest.raises(ServiceFailed, match=r"PostgreSQL ended with code 1 before it answered: .*no_such_library"):
        Postgres().start({"settings": {"shared_preload_libraries": "no_such_library"}}, tmp_path)
    mine = [path for path in set(Path("/tmp").glob("fairtrial-postgres-*")) - before if not (path / "lock").exists()]
    assert not mine


def test_options_are_checked() -> None:
    """Unknown options, a taken port and a folder without programs are told in one line."""
    with pytest.raises(UserError, match=r"postgres has no option 'setting' \(did you mean 'settings'\?\)"):
        Postgres().require({"setting": {}})
    with pytest.raises(UserError, match="binaries: no initdb and postgres in"):
        Postgres().require({"binaries": tempfile.gettempdir()})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(MissingPart, match=f"port {port} is taken") as caught:
            Postgres().require({"port": port})
    assert caught.value.exit_code == 8


def test_nothing_installed_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wheel and without programs, the command is named."""
    monkeypatch.setattr(installation, "WHEELS", ("no_such_wheel",))
    monkeypatch.setattr(installation, "SYSTEM", ())
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingPart, match=r"PostgreSQL is not installed here \(pip install 'fairtrial\[services\]'\)"):
        installation.find()


def test_wheels_come_first_and_are_not_imported() -> None:
    """Importing these wheels as root would change users and modes."""
    code = (
        "import sys; from fairtrial.resources import installation as i; print(i.find().binaries); "
        "print(any(wheel in sys.modules for wheel in i.WHEELS))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == [str(FOUND.binaries), "False"]


@pytest.mark.skipif(not ROOT, reason="only root runs the server as another user")
def test_programs_below_a_closed_folder_are_copied(tmp_path: Path) -> None:
    """Root's own installation is used without opening root's folders."""
    home, prefix = tmp_path / "home", FOUND.binaries.parent
    installed = home / prefix.parent.name / prefix.name
    shutil.copytree(prefix, installed, ignore=shutil.ignore_patterns("include"))
    libraries = f"{prefix.parent.name}.libs"
    if (prefix.parents[1] / libraries).is_dir():
        shutil.copytree(prefix.parents[1] / libraries, home / libraries)
    home.chmod(0o700)
    handle = Postgres().start({"binaries": str(installed / FOUND.binaries.name)}, tmp_path / "log")
    try:
        assert ask(handle, "SELECT 1") == 1
        assert handle["binaries"].startswith(handle["folder"])
        assert home.stat().st_mode & 0o777 == 0o700
    finally:
        Postgres().stop(handle)
    assert not left(handle)


@pytest.mark.skipif(not ROOT, reason="what this test does as nobody, all others do as the user that runs them")
def test_an_unprivileged_user_can_start_it_too(two: list[dict[str, Any]]) -> None:
    """Without root the server runs as its starter, in the starter's temporary folder."""
    ask(two[0], "SELECT 1")
    psutil.Process().children()  # so that all is imported: nobody may be unable to read Python's own files
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _as_nobody(writer)
    os.close(writer)
    with os.fdopen(reader) as said:
        told = json.loads(said.read() or '{"problem": "it said nothing"}')
    os.waitpid(child, 0)
    assert told == {"answer": 1, "owner": 65534, "left": []}


def _as_nobody(writer: int) -> None:
    told: dict[str, Any] = {}
    try:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        tempfile.tempdir = "/tmp"
        with tempfile.TemporaryDirectory() as log:
            handle = Postgres().start({}, Path(log))
            try:
                told = {"answer": ask(handle, "SELECT 1"), "owner": Path(handle["folder"]).stat().st_uid}
            finally:
                Postgres().stop(handle)
        told["left"] = left(handle)
    except BaseException as problem:  # noqa: BLE001 told to the test
        told = {"problem": f"{type(problem).__name__}: {problem}"}
    os.write(writer, json.dumps(told).encode())
    os._exit(0)
