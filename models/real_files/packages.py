"""Files of packages by the registries' ordinary clients: pip, apt-get and npm.

Nothing of a package is installed; pip asks a source package's own build for its metadata. A file is
kept by its sha256 in a folder that git ignores.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from models.data.packages import TIMEOUT_S, TRIES, debian_tar
from models.failures import BadData, NoDataset
from models.files import write_atomically
from models.real_files.questions import Package, RealFile

FOLDER = Path(__file__).resolve().parents[2] / ".headrace" / "real_files"

Download = Callable[[Package, Path], None]
"""Puts an archive of a package into a folder. Raises OSError or subprocess.SubprocessError."""


def download(package: Package, folder: Path) -> None:
    """Download an archive with the client of its registry."""
    subprocess.run(  # noqa: S603 - names and versions are from our own questions
        _command(package),
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def _command(package: Package) -> list[str]:
    if package.registry == "debian":
        return ["apt-get", "download", "--quiet", f"{package.name}={package.version}"]
    if package.registry == "npm":
        pinned = f"{package.name}@{package.version}"
        return ["npm", "pack", "--silent", "--ignore-scripts", pinned]
    kind = "--only-binary=:all:" if package.archive.endswith(".whl") else "--no-binary=:all:"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    options = ["--no-deps", kind, "--ignore-requires-python", "--quiet"]
    return [*command, "download", *options, f"{package.name}=={package.version}"]


def contents(
    files: Sequence[RealFile], folder: Path = FOLDER, fetch: Download = download
) -> dict[str, bytes]:
    """Return the content of each file by its name, downloading the packages that are missing.

    Raises:
        NoDataset: a package cannot be had; the message names the client's own reason.
        BadData: a package lacks a file, or has another one under its name.
    """
    missing = [file for file in files if not (folder / file.sha256).is_file()]
    by_package = sorted(missing, key=lambda file: file.package.archive)
    for package, wanted in groupby(by_package, key=lambda file: file.package):
        _keep(package, list(wanted), folder, fetch)
    return {file.name: (folder / file.sha256).read_bytes() for file in files}


def _keep(package: Package, wanted: Sequence[RealFile], folder: Path, fetch: Download) -> None:
    found = _members(package, {file.member for file in wanted}, fetch)
    for file in wanted:
        content = found.get(file.member.removeprefix("./"))
        if content is None:
            raise BadData(f"{package.archive} has no {file.member}.")
        found_hash = hashlib.sha256(content).hexdigest()
        if found_hash != file.sha256:
            raise BadData(
                f"{file.member} of {package.archive} has sha256 {found_hash}, not {file.sha256}."
            )
        write_atomically(folder / file.sha256, content)


def _members(package: Package, names: Iterable[str], fetch: Download) -> Mapping[str, bytes]:
    reason = ""
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                fetch(package, Path(scratch))
                (path,) = Path(scratch).iterdir()
                archive = path.read_bytes()
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                text = str(getattr(error, "stderr", None) or error).strip()
                reason = text.splitlines()[-1] if text else type(error).__name__
                continue
        return _unpacked(package, archive, {name.removeprefix("./") for name in names})
    raise NoDataset(f"The package {package.name} {package.version} cannot be had: {reason}.")


def _unpacked(package: Package, archive: bytes, names: set[str]) -> Mapping[str, bytes]:
    """Return those members of an archive that are in `names`."""
    if package.archive.endswith((".whl", ".zip")):
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            return {name: files.read(name) for name in names & set(files.namelist())}
    tar = debian_tar(package.archive, archive) if package.registry == "debian" else archive
    with tarfile.open(fileobj=io.BytesIO(tar)) as files:
        found = {}
        for entry in files:
            name = entry.name.removeprefix("./")
            with contextlib.suppress(KeyError):  # A link may lead out of the archive.
                file = files.extractfile(entry) if name in names else None
                if file is not None:
                    found[name] = file.read()
        return found
