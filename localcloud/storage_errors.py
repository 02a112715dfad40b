"""Failures of the disk, told in words that say what to do."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from localcloud.errors import AwsError

INSUFFICIENT_STORAGE = 507
"""https://www.rfc-editor.org/rfc/rfc4918#section-11.5"""
RESERVE_BYTES = 16 * 1024 * 1024
"""Space that new requests do not take, so that what was accepted can still end."""
_CHECK_INTERVAL_S = 1.0
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL = "The disk of the local cloud is full. Free some space; it then goes on by itself."
_CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class CorruptDatabaseError(sqlite3.DatabaseError):
    """Raised for a SQLite file that is damaged."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged. Stop the local cloud and put back a copy of the file, or move it "
            f"away together with {path.name}-wal and {path.name}-shm: the next start makes an "
            "empty one, and what only this file knew is lost."
        )
        self.path = path


def corrupt_database(error: sqlite3.Error, path: Path) -> CorruptDatabaseError | None:
    """Return the error that names the damaged file, or None if the file is not damaged."""
    return CorruptDatabaseError(path) if _primary_code(error) in _CORRUPT_CODES else None


def is_full(error: BaseException) -> bool:
    """Tell whether an error means that the disk, or the user's quota on it, is full."""
    if isinstance(error, sqlite3.Error):
        return _primary_code(error) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in _FULL_ERRNOS


def storage_failure(error: BaseException) -> AwsError | None:
    """Return the answer to a request that failed because of the disk, else None."""
    if is_full(error):
        return AwsError("InsufficientStorage", _FULL, INSUFFICIENT_STORAGE)
    if isinstance(error, CorruptDatabaseError):
        return AwsError("InternalFailure", str(error), 500)
    return None


def describe_failure(error: BaseException) -> str:
    """Return what failed, and for a failure of the disk what to do."""
    failure = storage_failure(error)
    return failure.message if failure is not None else f"{type(error).__name__}: {error}"


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


class FreeSpace:
    """The space on the disk of the data folder, measured at most once a second."""

    def __init__(self, folder: Path, free_bytes: Callable[[Path], int] | None = None) -> None:
        """Measure the disk of `folder` by `free_bytes`, or by the system."""
        self._folder = folder
        self._free_bytes = free_bytes or (lambda path: shutil.disk_usage(path).free)
        self._guard = threading.Lock()
        self._checked_at = 0.0
        self._is_low = False

    def is_low(self) -> bool:
        """Tell whether less is free than the reserve."""
        now = time.monotonic()
        with self._guard:
            if now - self._checked_at >= _CHECK_INTERVAL_S or not self._checked_at:
                self._checked_at = now
                self._is_low = self._free_bytes(self._folder) < RESERVE_BYTES
            return self._is_low

    @property
    def reason(self) -> str:
        """The answer to a request that is refused for want of space."""
        return f"{_FULL} Its data is in {os.fspath(self._folder)}."
