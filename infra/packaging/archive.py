"""A bundle as a ZIP file that depends on nothing but its content.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from pathlib import Path

from infra.packaging.deflated import Content, Deflated

LOCAL = struct.Struct("<IHHHHHIIIHH")
"""The header before each file in the archive, whose last two numbers are the bytes of its name and
of what else lies between it and the file."""

_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_VERSION, _UNIX_VERSION = 20, (3 << 8) | 20
_UTF8, _DEFLATE = 0x800, 8
_MIDNIGHT, _FIRST_DAY = 0, 0x21
"""1980-01-01, the earliest time that a ZIP file can tell."""
_PLAIN, _EXECUTABLE = 0o100644, 0o100755


def write(entries: Mapping[str, Path], file: Path, deflated: Deflated) -> str:
    """Write `entries`, files by their names inside, sorted, with fixed times and modes.

    Nothing is larger than 4 GiB, for Lambda takes 250 MB. Returns the sha256 of what was written,
    in hexadecimal.
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
            common = _common(content, encoded)
            mode = _EXECUTABLE if entries[name].stat().st_mode & 0o100 else _PLAIN
            directory += _CENTRAL.pack(
                0x02014B50, _UNIX_VERSION, _VERSION, *common, 0, 0, 0, 0, mode << 16, at
            )
            directory += encoded
            at += add(LOCAL.pack(0x04034B50, _VERSION, *common, 0) + encoded, content.deflated)
        count, size = len(entries), len(directory)
        add(bytes(directory), _END.pack(0x06054B50, 0, 0, count, count, size, at, 0))
    return digest.hexdigest()


def _common(content: Content, name: bytes) -> tuple[int, ...]:
    """Return what the two headers of a file share, from its flags to the length of its name."""
    sizes = (len(content.deflated), content.size)
    return (_UTF8, _DEFLATE, _MIDNIGHT, _FIRST_DAY, content.crc, *sizes, len(name))


def sha256_of(file: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
