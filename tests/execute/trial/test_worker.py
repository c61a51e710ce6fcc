"""What a trial raised, as a failure of a class."""

from __future__ import annotations

import errno
import os

import pytest

from fairtrial.execute.trial.worker import failed


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_for_a_file_is_the_machines_failure(number: int):
    """It says for which file, and what the system said."""
    result = failed(OSError(number, os.strerror(number), "/x/records"))
    assert (result["s"], result["k"]) == ("failed", "infra")
    assert result["e"] == f"no room for /x/records: {os.strerror(number)}"


def test_other_errors_of_files_are_the_trials_own():
    """A file that is not there is an exception like any other."""
    assert failed(FileNotFoundError(errno.ENOENT, "No such file", "x"))["k"] == "exception"
