"""Files that are whole or not there, and a full disk that says so."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.common.failures import DiskFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds it whole or not at all, also after a power failure.

    Raises:
        DiskFull: there was no room. Nothing is left of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with no_room(path, len(content)):
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document, as `write_whole` does."""
    write_whole(path, f"{json.dumps(document, indent=1)}\n".encode())


@contextmanager
def no_room(path: Path, size: int | None = None) -> Iterator[None]:
    """Turn a full disk into an error that says what was to be kept and what is free."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        needs = f"{size:,} bytes" if size is not None else "what was to be written"
        raise DiskFull(
            f"There is no room for {path}: {needs} did not fit, {free:,} bytes are free "
            f"({error.strerror}). Give the job a larger volume (VolumeSizeInGB), or keep fewer "
            "checkpoints."
        ) from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process has a folder so, and have it until the end."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
