"""Bundles unpacked, with each file that several of them have on this disk once.

Most of a bundle is in others too. Equal files are one file by several names (hard links), so it is
inflated once, and read into memory once however many functions run from it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from infra.packaging.archive import LOCAL, sha256_of
from infra.packaging.failures import CannotPackage

MOST_NAMES = 50_000
"""Names that a file gets; ext4 gives none more than 65,000."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Files of bundles, named by their content, in `folder`: one process at a time may use it.

    What is unpacked from it lies on the same file system. A file that has `most_names` is made
    anew for those to come.
    """

    folder: Path
    most_names: int = MOST_NAMES

    def unpack(self, file: Path, sha256: str, into: Path) -> None:
        """Unpack a bundle `into` a folder that is not there; nothing in it can be written to.

        Raises:
            CannotPackage: the file is missing, is not the one of that hash, or holds a file that
                would come to lie elsewhere.
        """
        if not file.is_file():
            raise CannotPackage(
                f"{file} is missing; make the package anew with `headrace package`."
            )
        found = sha256_of(file)
        if found != sha256:
            raise CannotPackage(
                f"{file} has sha256 {found}, and the manifest names {sha256}; make the package "
                "anew with `headrace package`."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        into.mkdir(parents=True)
        folders = {into}
        with zipfile.ZipFile(file) as archive, file.open("rb") as raw:
            for info in archive.infolist():
                place = into / _inside(file, info)
                if place.parent not in folders:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    folders.update(set(place.parents) - set(into.parents))
                place.hardlink_to(self._kept(archive, raw, info))
        for each in folders:
            each.chmod(0o555)

    def forget_unused(self) -> None:
        """Remove what is in no bundle any more."""
        for kept in self.folder.iterdir():
            if kept.stat().st_nlink == 1:
                kept.unlink()

    def _kept(self, archive: zipfile.ZipFile, raw: BinaryIO, info: zipfile.ZipInfo) -> Path:
        """Return where a file of an archive lies here, inflated if it was not there."""
        mode = (info.external_attr >> 16) & 0o555
        kept = self.folder / f"{_digest(raw, info)}-{mode:o}"
        if not kept.exists() or kept.stat().st_nlink >= self.most_names:
            draft = kept.with_suffix(".draft")
            draft.unlink(missing_ok=True)
            with archive.open(info) as content, draft.open("wb") as written:
                shutil.copyfileobj(content, written)
            draft.chmod(mode)
            draft.rename(kept)
        return kept


def _inside(file: Path, info: zipfile.ZipInfo) -> PurePosixPath:
    """Return where in its folder a bundle wants a file."""
    place = PurePosixPath(info.filename)
    if place.is_absolute() or ".." in place.parts:
        raise CannotPackage(
            f"{file} holds {info.filename}, which would lie outside its folder; make the package "
            "anew with `headrace package`."
        )
    return place


def _digest(raw: BinaryIO, info: zipfile.ZipInfo) -> str:
    """Return the sha256 of a file as it lies compressed in an archive."""
    raw.seek(info.header_offset)
    *_, name, more = LOCAL.unpack(raw.read(LOCAL.size))
    raw.seek(name + more, os.SEEK_CUR)
    return hashlib.sha256(raw.read(info.compress_size)).hexdigest()
