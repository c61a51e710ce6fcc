"""The per-user folder."""

from __future__ import annotations

import os
import stat

import pytest

from fairtrial.errors import MissingPart
from fairtrial.execute.machine.runtime import private


def test_it_is_made_private_and_kept_so(tmp_path):
    """Mode 0700, also when somebody opened it."""
    place = private(tmp_path)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    place.chmod(0o755)
    assert stat.S_IMODE(private(tmp_path).stat().st_mode) == 0o700


def test_a_link_or_a_file_in_its_place_is_refused(tmp_path):
    """A name that somebody else may have put there is not followed."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"fairtrial-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MissingPart, match="not a folder of this user"):
        private(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / f"fairtrial-{os.getuid()}").touch()
    with pytest.raises(MissingPart, match="cannot make"):
        private(other)
