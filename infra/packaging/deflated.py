"""Compressed contents by their hash: most of a bundle is in other bundles, and in the last one.

A model of 90 MB is in three bundles and changes once a year; compressing takes longer than all
else about packaging.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

LEVEL = 6
_HEAD = struct.Struct("<IQ")


@dataclass(frozen=True, slots=True)
class Content:
    """A file's content: its CRC-32, its size in bytes, and its raw DEFLATE stream (RFC 1951)."""

    crc: int
    size: int
    deflated: bytes


@dataclass(frozen=True, slots=True)
class Deflated:
    """Compressed contents, kept in `folder`. Safe from several threads of one process.

    A file is hashed once however many bundles it is in, so none may change meanwhile.
    """

    folder: Path
    _used: set[str] = field(default_factory=set)
    _names: dict[Path, str] = field(default_factory=dict)

    def of(self, file: Path) -> Content:
        """Return the content of `file`, compressed now if it has not been before."""
        name = self._names.get(file)
        if name is not None:
            return self._read(name)
        plain = file.read_bytes()
        name = hashlib.sha256(plain).hexdigest()
        self._used.add(name)
        kept = (self.folder / name).is_file()
        content = self._read(name) if kept else self._deflate(name, plain)
        self._names[file] = name
        return content

    def _read(self, name: str) -> Content:
        read = (self.folder / name).read_bytes()
        crc, size = _HEAD.unpack_from(read)
        return Content(crc, size, read[_HEAD.size :])

    def _deflate(self, name: str, plain: bytes) -> Content:
        compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        deflated = compressor.compress(plain) + compressor.flush()
        content = Content(zlib.crc32(plain), len(plain), deflated)
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{name}.{id(plain)}.draft"
        draft.write_bytes(_HEAD.pack(content.crc, content.size) + deflated)
        draft.replace(self.folder / name)
        return content

    def forget_unused(self) -> None:
        """Remove what nobody asked for."""
        for kept in self.folder.iterdir():
            if kept.name not in self._used:
                kept.unlink()
