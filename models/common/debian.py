"""Data that Debian packages carry: a package of one version and one sha256, read without dpkg.

apt-get downloads it once, no root needed, and it is kept in `models/cache/debian`. Whoever has no
apt-get puts the file there himself. A .deb is an ar archive with a tar of the files in it: deb(5).
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.common.failures import BadData
from models.common.packages import TIMEOUT_S, Pinned, whole

CACHE = Path(__file__).parents[1] / "cache" / "debian"
_MAGIC, _HEADER = b"!<arch>\n", 60


@dataclass(frozen=True, slots=True)
class Package:
    """One .deb. `sha256` is of the whole file."""

    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """Return its name in the cache."""
        return f"{self.name}_{self.version.replace(':', '%3a')}.deb"


Download = Callable[[Package, Path], None]
"""Puts a .deb into a folder, under any name. Raises OSError or subprocess.SubprocessError."""


def apt(package: Package, folder: Path) -> None:
    """Let apt-get download a package."""
    subprocess.run(  # noqa: S603 - names and versions are from our own data sets
        ["apt-get", "download", "--quiet", f"{package.name}={package.version}"],  # noqa: S607 - wherever it is
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def content(package: Package, member: str, cache: Path = CACHE, download: Download = apt) -> bytes:
    """Return a file of a package, such as `usr/share/dictd/wn.dict.dz`.

    Raises:
        NoDataset: the package cannot be had, or is not the one that was pinned.
        BadData: it is no package, or lacks the file.
        DiskFull: it cannot be kept.
    """
    pinned = Pinned(
        what=f"The Debian package {package.name} {package.version}",
        path=cache / package.file,
        told=_told,
        right=f"has sha256 {package.sha256}",
        advice="Run `apt-get update` and try again",
    )

    def fetch(folder: Path) -> bytes:
        download(package, folder)
        (path,) = folder.glob("*.deb")
        return path.read_bytes()

    with tarfile.open(fileobj=io.BytesIO(_tar(package, whole(pinned, fetch)))) as files:
        try:
            found = files.extractfile(f"./{member}")
        except KeyError:
            found = None
        if found is None:
            raise BadData(f"{package.file} has no {member}.")
        return found.read()


def _tar(package: Package, archive: bytes) -> bytes:
    """Return the tar with a package's files, compressed as it is."""
    at = len(_MAGIC)
    while archive.startswith(_MAGIC) and len(header := archive[at : at + _HEADER]) == _HEADER:
        name, size = header[:16].decode("ascii").strip(), int(header[48:58])
        start = at + _HEADER
        if name.startswith("data.tar"):
            return archive[start : start + size]
        at = start + size + size % 2
    raise BadData(f"{package.file} is no Debian package: it has no data.tar.")


def _told(content: bytes) -> str:
    return f"has sha256 {hashlib.sha256(content).hexdigest()}"
