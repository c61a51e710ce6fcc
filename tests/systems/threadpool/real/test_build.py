"""Building the library: once for each source and compiler, by several processes at once, one line where it fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fairtrial.errors import MissingPart
from fairtrial.systems.threadpool.real.binding import load
from fairtrial.systems.threadpool.real.build import SOURCES, build, require

HERE = Path(build.__code__.co_filename).parent


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fairtrial" / "threadpool"


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put a shell script in the place of the compiler."""

    def make(script):
        path = tmp_path / "compiler"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CC", str(path))
        return path

    return make


def one_line(missing, *parts):
    """Check that an error is one line with these words, and ends with code 8."""
    assert missing.value.exit_code == 8
    assert "\n" not in str(missing.value)
    assert [part for part in parts if part not in str(missing.value)] == []


def test_compiled_once(compiled, cache, fake, tmp_path):
    """The second time nothing is compiled: what lies in the cache is taken."""
    log = tmp_path / "calls"
    fake(f'echo "$@" >> {log}\nexec {shutil.which("cc") or shutil.which("gcc")} "$@"')
    first, second = build(), build()
    assert first == second
    assert [str(cache)] == [str(first.parent)]
    assert sum("-shared" in line for line in log.read_text().splitlines()) == 1


def test_another_compiler_or_flag_is_another_library(compiled, cache, monkeypatch):
    """What decides about the library decides about its name."""
    (compiler,) = require()
    plain = build()
    monkeypatch.setenv("CC", f"{compiler} -O1")
    assert build() != plain
    assert len(list(cache.glob("*.so"))) == 2


def test_several_processes_at_once(compiled, cache):
    """Processes that build at once end with the same whole library, and leave nothing else behind."""
    script = "from fairtrial.systems.threadpool.real.binding import load; from fairtrial.systems.threadpool.real.build "
    script += "import build; load(); print(build())"
    started = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {one.communicate(timeout=120)[0].strip() for one in started}
    assert [one.returncode for one in started] == [0] * 4
    assert said == {str(path) for path in cache.iterdir()}


def test_compiles_without_a_warning(compiled, tmp_path):
    """No compiler here has anything to say about the source."""
    found = [name for name in ("gcc", "clang") if shutil.which(name)]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-pthread", "-c"]
    for compiler in found:
        for name in SOURCES:
            subprocess.run([compiler, *flags, "-o", str(tmp_path / "made.o"), str(HERE / name)], check=True)


def test_no_compiler(monkeypatch, tmp_path):
    """Without a compiler: exit 8, with the command that brings one."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPart) as missing:
        require()
    one_line(missing, "needs a C compiler", "xcode-select" if sys.platform == "darwin" else "apt-get install gcc")


def test_wrong_cc(monkeypatch):
    """CC that names nothing is not passed over."""
    monkeypatch.setenv("CC", "no-such-compiler -O3")
    with pytest.raises(MissingPart) as missing:
        require()
    one_line(missing, "'no-such-compiler'", "unset CC")


def test_compile_error_names_the_log(cache, fake):
    """What the compiler said is in a file that the one line names, and no library is left."""
    fake("echo pool.c:1: it hurts\n[ $1 = --version ]")
    with pytest.raises(MissingPart) as missing:
        build()
    (log,) = cache.iterdir()
    one_line(missing, "cannot compile", str(log))
    assert log.read_text() == "pool.c:1: it hurts\n"


def test_cache_that_cannot_be_made(compiled, monkeypatch, tmp_path):
    """No folder to keep the library in: one line with the variable that names another."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(MissingPart) as missing:
        build()
    one_line(missing, "cannot make", "XDG_CACHE_HOME")


def test_torn_library(compiled, cache):
    """A library that is not one is not loaded: one line says which file to delete."""
    path = build()
    path.write_bytes(b"torn")
    with pytest.raises(MissingPart) as missing:
        load()
    one_line(missing, "cannot load", str(path), "delete it")
