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

from infra.packaging.cache import Cache

LEVEL = 6
_HEAD = struct.Struct("<IQ")
_MAX_REMEMBERED = 16 * 1024
"""Bytes of a compressed content that stays in memory: 19 of 20 are smaller, 15 MB together."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file's content: its CRC-32, its size in bytes, and its raw DEFLATE stream (RFC 1951)."""

    crc: int
    size: int
    deflated: bytes


@dataclass(frozen=True, slots=True)
class Deflated:
    """Compressed contents, kept in `cache`. Safe from several threads of one process.

    A file is read once however many bundles it is in, so none may change meanwhile.
    """

    cache: Cache
    _names: dict[Path, str] = field(default_factory=dict)
    _small: dict[Path, Content] = field(default_factory=dict)

    def of(self, file: Path) -> Content:
        """Return the content of `file`, compressed now if it has not been before."""
        content = self._small.get(file)
        if content is None:
            content = self._kept_or_made(file)
            if len(content.deflated) <= _MAX_REMEMBERED:
                self._small[file] = content
        return content

    def _kept_or_made(self, file: Path) -> Content:
        name = self._names.get(file)
        if name is not None:
            return _read(self.cache.use(name))
        plain = file.read_bytes()
        name = hashlib.sha256(plain).hexdigest()
        kept = self.cache.use(name)
        content = _read(kept) if kept.is_file() else _deflate(plain, kept)
        self._names[file] = name
        return content


def _read(kept: Path) -> Content:
    read = kept.read_bytes()
    crc, size = _HEAD.unpack_from(read)
    return Content(crc, size, read[_HEAD.size :])


def _deflate(plain: bytes, kept: Path) -> Content:
    """Compress `plain`, and keep the result."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = compressor.compress(plain) + compressor.flush()
    content = Content(zlib.crc32(plain), len(plain), deflated)
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_name(f"{kept.name}.{id(plain)}.draft")
    draft.write_bytes(_HEAD.pack(content.crc, content.size) + deflated)
    draft.replace(kept)
    return content
