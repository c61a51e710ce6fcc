"""For all tests: a per-user folder of their own, so that drivers of other sessions on this machine share nothing."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("fairtrial", deadline=None)  # no test is timed: the first import of scipy is slow
hypothesis.settings.load_profile("fairtrial")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in a shell's background
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the session its own control sockets and capacity file (short: socket paths hold 108 bytes)."""
    tmp_path_factory.getbasetemp()  # stays where it was: paths of tests are long enough
    before = os.environ.get("TMPDIR")
    folder = Path(tempfile.mkdtemp(prefix="ft-", dir=tempfile.gettempdir()))
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    yield folder
    tempfile.tempdir = before
    if before is None:
        del os.environ["TMPDIR"]
    else:
        os.environ["TMPDIR"] = before
    shutil.rmtree(folder, ignore_errors=True)
