"""Warm: what is safe to fork from, and what is not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fairtrial.execute.tree import warm


def ask(code, threads=1):
    """Run code in an interpreter with capped pools; return what `unfit` says then."""
    code = f"{code}\nfrom fairtrial.execute.tree.warm import unfit\nprint(unfit({threads}))"
    environment = dict(os.environ) | warm.capped(threads)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


@pytest.mark.parametrize("library", ["numpy", "scipy.linalg", "polars", "sklearn.svm"])
@pytest.mark.parametrize("threads", [1, 2])
def test_known_libraries_are_fit_after_import(library, threads):
    """Their idle threads survive a fork."""
    if library.startswith("sklearn"):
        pytest.importorskip("sklearn", reason="scikit-learn comes with the extra `demo`")
    assert ask(f"import {library}", threads) == ""


def test_a_python_thread_is_unfit():
    """A thread of the user's would be missing in the child, with its locks held."""
    code = "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    assert ask(code) == "a Python thread was started on import"


def test_unknown_native_threads_are_unfit():
    """So would those of a library that nobody vouches for."""
    code = """
import ctypes
libc = ctypes.CDLL(None)
handle = ctypes.c_ulong()
pause = ctypes.cast(libc.pause, ctypes.c_void_p)
assert libc.pthread_create(ctypes.byref(handle), None, pause, None) == 0
"""
    assert ask(code) == "1 threads were started on import"


def test_refused_libraries_are_unfit_whatever_they_show(tmp_path):
    """Some start a runtime without a thread to be seen."""
    (tmp_path / "jax.py").write_text("")
    assert ask(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import jax") == "jax does not survive a fork"


def test_imports_remember_what_fails(tmp_path, monkeypatch):
    """A module that cannot be imported, or must not, is tried once or never."""
    (tmp_path / "fragile_one.py").write_text(
        "with open(__file__.replace('.py', '.tried'), 'a') as file:\n    file.write('x')\nraise RuntimeError\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    imports = warm.Imports()
    for _ in range(3):
        imports.load(["fragile_one", "jax.numpy", "colorsys"])
    assert (tmp_path / "fragile_one.tried").read_text() == "x"
    assert {"fragile_one", "jax.numpy", "colorsys"} <= imports.known
    assert "colorsys" in sys.modules
    assert "jax.numpy" not in sys.modules


def test_caps_name_every_pool():
    """All common pools get the same cap; hashing is the same in every trial."""
    capped = warm.capped(3)
    assert {capped[name] for name in warm.CAPS} == {"3"}
    assert capped["PYTHONHASHSEED"] == "0"
