"""What the tests of reports share: a document with every kind of section, from planted data."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def planted():
    """The makers of planted findings, and `document`."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("planted.py"))))


@pytest.fixture(scope="session")
def document(planted):
    """A document with every kind of section."""
    return planted.document()


@pytest.fixture(scope="session")
def written(document, tmp_path_factory):
    """The folder of its report."""
    from fairtrial.report.document import write

    folder = tmp_path_factory.mktemp("reports") / "12"
    write(document, folder)
    return folder
