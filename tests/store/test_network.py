"""Network file systems are told from local ones by the table of mounts."""

from __future__ import annotations

import pytest

from fairtrial.store.network import shared

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/local rw - xfs /dev/vdb rw
32 22 0:50 / /mnt/with\\040blank rw - fuse.sshfs me@host:/ rw
33 22 0:51 / /scratch rw - lustre 10.0.0.1@tcp:/scratch rw
34 22 8:3 / /homeless rw - btrfs /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/book", ""),
        ("/home", "nfs4"),
        ("/home/me/.fairtrial", "nfs4"),
        ("/home/local/x", ""),
        ("/homeless/x", ""),
        ("/mnt/with blank/x", "fuse.sshfs"),
        ("/scratch/me", "lustre"),
    ],
)
def test_longest_mount_decides(tmp_path, folder, kind):
    """The mount that holds the folder says whether it is shared."""
    from pathlib import Path

    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert shared(Path(folder), mounts) == kind


def test_a_machine_without_the_table_counts_as_local(tmp_path):
    """Where there is no /proc, nothing is refused."""
    assert shared(tmp_path, tmp_path / "none") == ""
