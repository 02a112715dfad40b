from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from models.failures import DiskFull
from models.files import disk_full_as_failure, write_atomically
from tests.cloud import PROJECT

LIMITED = """
import resource, signal, sys
from pathlib import Path
from models.failures import DiskFull
from models.files import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_atomically(Path(sys.argv[1]), bytes(10_000))
except DiskFull as error:
    print(error)
"""


def test_should_replace_a_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_should_leave_what_was_there_where_there_is_no_room(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"no room for {path}: 10,000 bytes did not fit" in done.stdout
    assert "VolumeSizeInGB" in done.stdout
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_should_leave_other_errors_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), disk_full_as_failure(tmp_path / "file"):
        raise PermissionError(errno.EACCES, "no")
    with pytest.raises(DiskFull), disk_full_as_failure(tmp_path / "file"):
        raise OSError(errno.ENOSPC, "full")
