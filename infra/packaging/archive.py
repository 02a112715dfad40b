"""A bundle as a ZIP file that depends on nothing but its content, and such a file unpacked.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from infra.packaging.deflated import Content, Deflated
from infra.packaging.failures import CannotPackage

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_VERSION, _UNIX_VERSION = 20, (3 << 8) | 20
_UTF8, _DEFLATE = 0x800, 8
_MIDNIGHT, _FIRST_DAY = 0, 0x21
"""1980-01-01, the earliest time that a ZIP file can tell."""
_PLAIN, _EXECUTABLE = 0o100644, 0o100755


def write(entries: Mapping[str, Path], file: Path, deflated: Deflated) -> None:
    """Write `entries`, files by their names inside, sorted, with fixed times and modes.

    Nothing is larger than 4 GiB, for Lambda takes 250 MB.
    """
    directory = b""
    with file.open("wb") as archive:
        for name in sorted(entries):
            content = deflated.of(entries[name])
            encoded = name.encode()
            at = archive.tell()
            common = _common(content, encoded)
            archive.write(_LOCAL.pack(0x04034B50, _VERSION, *common, 0))
            archive.write(encoded + content.deflated)
            mode = _EXECUTABLE if entries[name].stat().st_mode & 0o100 else _PLAIN
            directory += _CENTRAL.pack(
                0x02014B50, _UNIX_VERSION, _VERSION, *common, 0, 0, 0, 0, mode << 16, at
            )
            directory += encoded
        start = archive.tell()
        archive.write(directory)
        count = len(entries)
        archive.write(_END.pack(0x06054B50, 0, 0, count, count, len(directory), start, 0))


def _common(content: Content, name: bytes) -> tuple[int, ...]:
    """Return what the two headers of a file share, from its flags to the length of its name."""
    sizes = (len(content.deflated), content.size)
    return (_UTF8, _DEFLATE, _MIDNIGHT, _FIRST_DAY, content.crc, *sizes, len(name))


def sha256_of(file: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def unpack(file: Path, sha256: str, folder: Path) -> None:
    """Unpack a bundle into `folder`, which must not exist; nothing in it can be written to.

    Raises:
        CannotPackage: the file is missing, or is not the one of that hash.
    """
    if not file.is_file():
        raise CannotPackage(f"{file} is missing; make the package anew with `headrace package`.")
    found = sha256_of(file)
    if found != sha256:
        raise CannotPackage(
            f"{file} has sha256 {found}, and the manifest names {sha256}; make the package anew "
            "with `headrace package`."
        )
    folder.mkdir(parents=True)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
        for info in archive.infolist():
            (folder / info.filename).chmod((info.external_attr >> 16) & 0o555)
    for each in (folder, *folder.rglob("*")):
        if each.is_dir():
            each.chmod(0o555)
