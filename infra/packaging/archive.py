"""A bundle as a reproducible ZIP file that depends on nothing but its content.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from infra.packaging.cache import PackagingCache
from infra.packaging.targets import PackagingError

LEVEL = 6


_HEAD = struct.Struct("<IQ")


_MAX_REMEMBERED = 16 * 1024
"""Bytes of a compressed content that stays in memory: 19 of 20 are smaller, 15 MB together."""


@dataclass(frozen=True, slots=True)
class CompressedFile:
    """A file's content: its CRC-32, its size in bytes, and its raw DEFLATE stream (RFC 1951)."""

    crc: int
    size: int
    deflated: bytes


@dataclass(frozen=True, slots=True)
class DeflateCache:
    """Cache of compressed contents in `cache`. Safe for several threads of one process.

    A file is read once however many bundles it is in, so no file may change meanwhile.
    """

    cache: PackagingCache
    _names: dict[Path, str] = field(default_factory=dict)
    _small: dict[Path, CompressedFile] = field(default_factory=dict)

    def of(self, file: Path) -> CompressedFile:
        """Return the compressed content of `file`, from the cache if possible."""
        content = self._small.get(file)
        if content is None:
            content = self._kept_or_made(file)
            if len(content.deflated) <= _MAX_REMEMBERED:
                self._small[file] = content
        return content

    def _kept_or_made(self, file: Path) -> CompressedFile:
        name = self._names.get(file)
        if name is not None:
            return _read_compressed(self.cache.use(name))
        plain = file.read_bytes()
        name = hashlib.sha256(plain).hexdigest()
        cached = self.cache.use(name)
        content = _read_compressed(cached) if cached.is_file() else _deflate(plain, cached)
        self._names[file] = name
        return content


def _read_compressed(kept: Path) -> CompressedFile:
    read = kept.read_bytes()
    crc, size = _HEAD.unpack_from(read)
    return CompressedFile(crc, size, read[_HEAD.size :])


def _deflate(plain: bytes, kept: Path) -> CompressedFile:
    """Compress `plain`, and cache the result."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = compressor.compress(plain) + compressor.flush()
    content = CompressedFile(zlib.crc32(plain), len(plain), deflated)
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_name(f"{kept.name}.{id(plain)}.draft")
    draft.write_bytes(_HEAD.pack(content.crc, content.size) + deflated)
    draft.replace(kept)
    return content


LOCAL = struct.Struct("<IHHHHHIIIHH")
"""The header before each file in the archive, whose last two numbers are the bytes of its name and
of what else lies between it and the file."""

_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END_RECORD = struct.Struct("<IHHHHIIH")
_VERSION, _UNIX_VERSION = 20, (3 << 8) | 20
_UTF8, _DEFLATE = 0x800, 8
_MIDNIGHT, _FIRST_DAY = 0, 0x21
"""1980-01-01, the earliest time that a ZIP file can tell."""
_PLAIN, _EXECUTABLE = 0o100644, 0o100755


def write_archive(entries: Mapping[str, Path], file: Path, deflated: DeflateCache) -> str:
    """Write `entries`, files by their names inside, sorted, with fixed times and modes.

    Nothing is larger than 4 GiB, for Lambda takes 250 MB.

    Returns:
        The sha256 of the archive, in hexadecimal.
    """
    digest = hashlib.sha256()
    directory = bytearray()
    at = 0
    with file.open("wb") as archive:

        def add(*parts: bytes) -> int:
            for part in parts:
                archive.write(part)
                digest.update(part)
            return sum(map(len, parts))

        for name in sorted(entries):
            content = deflated.of(entries[name])
            encoded = name.encode()
            common = _header_fields(content, encoded)
            mode = _EXECUTABLE if entries[name].stat().st_mode & 0o100 else _PLAIN
            directory += _CENTRAL.pack(
                0x02014B50, _UNIX_VERSION, _VERSION, *common, 0, 0, 0, 0, mode << 16, at
            )
            directory += encoded
            at += add(LOCAL.pack(0x04034B50, _VERSION, *common, 0) + encoded, content.deflated)
        count, size = len(entries), len(directory)
        add(bytes(directory), _END_RECORD.pack(0x06054B50, 0, 0, count, count, size, at, 0))
    return digest.hexdigest()


def _header_fields(content: CompressedFile, name: bytes) -> tuple[int, ...]:
    """Return the fields shared by both headers of a file, from its flags to its name's length."""
    sizes = (len(content.deflated), content.size)
    return (_UTF8, _DEFLATE, _MIDNIGHT, _FIRST_DAY, content.crc, *sizes, len(name))


def sha256_of(file: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


MAX_LINKS = 50_000
"""Names that a file gets; ext4 gives none more than 65,000."""


@dataclass(frozen=True, slots=True)
class UnpackedBundles:
    """Unpacked files of bundles in `folder`, named by content. One process at a time.

    Bundles unpacked from it lie on the same file system, as hard links. A file that has
    `most_names` links is copied for further ones.
    """

    folder: Path
    most_names: int = MAX_LINKS

    def unpack(self, file: Path, sha256: str, into: Path) -> None:
        """Unpack a bundle `into` a new folder, whose files are read-only.

        Raises:
            PackagingError: the file is missing, has another hash, or holds a path that leads out of
                the folder.
        """
        if not file.is_file():
            raise PackagingError(
                f"{file} is missing; make the package anew with `headrace package`."
            )
        actual = sha256_of(file)
        if actual != sha256:
            raise PackagingError(
                f"{file} has sha256 {actual}, and the manifest names {sha256}; make the package "
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
        """Delete files that no bundle uses any more."""
        for file in self.folder.iterdir():
            if file.stat().st_nlink == 1:
                file.unlink()

    def _kept(self, archive: zipfile.ZipFile, raw: BinaryIO, info: zipfile.ZipInfo) -> Path:
        """Return the path of an archive's file here, inflated if it is new."""
        mode = (info.external_attr >> 16) & 0o555
        cached = self.folder / f"{_digest(raw, info)}-{mode:o}"
        if not cached.exists() or cached.stat().st_nlink >= self.most_names:
            draft = cached.with_suffix(".draft")
            draft.unlink(missing_ok=True)
            with archive.open(info) as content, draft.open("wb") as written:
                shutil.copyfileobj(content, written)
            draft.chmod(mode)
            draft.rename(cached)
        return cached


def _inside(file: Path, info: zipfile.ZipInfo) -> PurePosixPath:
    """Return the path inside the bundle's folder."""
    place = PurePosixPath(info.filename)
    if place.is_absolute() or ".." in place.parts:
        raise PackagingError(
            f"{file} holds {info.filename}, which would lie outside its folder; make the package "
            "anew with `headrace package`."
        )
    return place


def _digest(raw: BinaryIO, info: zipfile.ZipInfo) -> str:
    """Return the sha256 of the compressed bytes of a file in an archive."""
    raw.seek(info.header_offset)
    *_, name, more = LOCAL.unpack(raw.read(LOCAL.size))
    raw.seek(name + more, os.SEEK_CUR)
    return hashlib.sha256(raw.read(info.compress_size)).hexdigest()
