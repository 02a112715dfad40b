"""ZIP archives, opened without trusting them.

Headers are checked before a byte is inflated: the number of entries, their sizes, compression
ratios, names and kinds. While an entry is inflated its bytes are counted against the size that its
header claims, so that no claim is trusted. Nothing is ever written to a disk.

The format: PKWARE APPNOTE 6.3.10. The attacks: D. Fifield, "A better zip bomb" (WOOT 2019).
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.errors import HeadraceError, InvalidInput, Unsupported

MEBIBYTE = 1024 * 1024
INFLATE_BYTES = 64 * 1024
"""The number of bytes that are inflated at a time."""

_DAMAGED = "The file is a damaged or cut-off archive; save it again, then upload it."
_LOCKED = "The file is an archive locked with a password; save it without one, then upload it."
_END_RECORD = b"PK\x05\x06"
_END_BYTES = 22
_MAX_COMMENT = 0xFFFF
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_BYTES = 20 + 56
_DIRECTORY_ENTRY = b"PK\x01\x02"
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8_NAME = 0x800
_UNIX = 3
_MAX_NAME = 1024
_BAD_NAME = re.compile(r"^/|^[A-Za-z]:|\\|[\x00-\x1f\x7f]|(?:^|/)\.\.(?:/|$)")


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """The limits of an archive. A ratio is checked only above `small` bytes."""

    entries: int = 10_000
    entry_bytes: int = 256 * MEBIBYTE
    total_bytes: int = 1024 * MEBIBYTE
    entry_ratio: int = 200
    total_ratio: int = 100
    small: int = MEBIBYTE


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file of an archive: `size` is what its header claims and reading enforces."""

    name: str
    size: int
    compressed: int
    crc: int
    method: int
    offset: int
    flags: int


@dataclass(frozen=True, slots=True)
class ZipArchive:
    """An archive whose headers passed the checks; `entries` are its files, in its order."""

    data: bytes = field(repr=False)
    entries: tuple[ZipEntry, ...]
    _by_name: dict[str, ZipEntry] = field(repr=False)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def entry(self, name: str) -> ZipEntry:
        """Return an entry; raise `InvalidInput` if there is none of this name."""
        entry = self._by_name.get(name)
        if entry is None:
            raise InvalidInput(f"The file is damaged: it lacks its part {name!r}.", field="file")
        return entry

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return the bytes of an entry, of which there may be at most `limit`.

        Raises:
            InvalidInput: there is no such entry, it is damaged or larger than it claims.
            Unsupported: it has more than `limit` bytes.
        """
        entry = self.entry(name)
        if limit is not None and entry.size > limit:
            raise _too_large(f"Its part {name!r} unpacks", limit)
        return b"".join(self.stream(entry))

    def stream(self, entry: ZipEntry) -> Iterator[bytes]:
        """Yield the bytes of `entry`, at most `INFLATE_BYTES` at a time.

        Raises `InvalidInput` if it is damaged, or longer or shorter than it claims.
        """
        count, crc = 0, 0
        for piece in _inflate(self._packed(entry), entry):
            count += len(piece)
            crc = zlib.crc32(piece, crc)
            if count > entry.size:
                raise _damaged()
            yield piece
        if count != entry.size or crc != entry.crc:
            raise _damaged()

    def verify(self) -> None:
        """Inflate every entry once and discard it, so that a library may safely read the archive.

        Raises as `stream` does.
        """
        for entry in self.entries:
            for _ in self.stream(entry):
                continue

    def _packed(self, entry: ZipEntry) -> memoryview:
        """Return the compressed bytes of `entry`, after checking that its local header matches."""
        view = memoryview(self.data)
        header = view[entry.offset : entry.offset + _LOCAL_HEADER.size]
        if len(header) < _LOCAL_HEADER.size:
            raise _damaged()
        mark, *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        name_at = entry.offset + _LOCAL_HEADER.size
        start = name_at + name_length + extra_length
        name = bytes(view[name_at : name_at + name_length])
        encoding = "utf-8" if entry.flags & _UTF8_NAME else "cp437"
        if mark != b"PK\x03\x04" or name.decode(encoding, "replace") != entry.name:
            raise _damaged()
        packed = view[start : start + entry.compressed]
        if len(packed) < entry.compressed:
            raise _damaged()
        return packed


DEFAULT_LIMITS = ZipLimits()


def is_zip(data: bytes) -> bool:
    """Return whether `data` begins as a ZIP archive does; an empty one is an end record only."""
    return data.startswith((b"PK\x03\x04", _END_RECORD))


def open_zip(data: bytes, limits: ZipLimits = DEFAULT_LIMITS) -> ZipArchive:
    """Return the archive in `data`, once its headers are within `limits`.

    Raises:
        InvalidInput: it is damaged, or its headers are those of an attack.
        Unsupported: it is locked, or larger than the limits.
    """
    _check_directory(data, limits.entries)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        raise _damaged() from error
    by_name: dict[str, ZipEntry] = {}
    for info in infos:
        _check_kind(info)
        if info.filename in by_name:
            raise _hostile(f"names {_quoted(info.filename)} twice")
        by_name[info.filename] = _entry(info)
    _check_sizes(tuple(by_name.values()), len(data), limits)
    files = {name: entry for name, entry in by_name.items() if not name.endswith("/")}
    return ZipArchive(data, tuple(files.values()), files)


def _check_directory(data: bytes, limit: int) -> None:
    """Count the entries before a library creates an object for each."""
    at = len(data) - _END_BYTES
    if at < 0 or not (data.startswith(_END_RECORD, at) and data.endswith(b"\0\0")):
        at = data.rfind(_END_RECORD, max(0, len(data) - _END_BYTES - _MAX_COMMENT))
    if at < 0 or at + _END_BYTES > len(data):
        raise _damaged()
    size = int.from_bytes(data[at + 12 : at + 16], "little")
    if data.startswith(_ZIP64_LOCATOR, max(0, at - 20)):
        at -= _ZIP64_BYTES
        size = int.from_bytes(data[max(0, at) + 40 : max(0, at) + 48], "little")
    if size > at:
        raise _damaged()
    if data.count(_DIRECTORY_ENTRY, at - size, at) > limit:
        raise Unsupported(
            f"The archive holds more than {limit:,} files; split it into several.",
            field="file",
            limit=str(limit),
        )


def _check_kind(info: zipfile.ZipInfo) -> None:
    """Raise for an entry that is locked, not a plain file, or has a name that leads outside."""
    name = info.orig_filename
    if info.flag_bits & _ENCRYPTED:
        raise Unsupported(_LOCKED, field="file")
    if not name or len(name) > _MAX_NAME or _BAD_NAME.search(name):
        raise _hostile(f"holds the file name {_quoted(name)}, which leads out of it")
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _hostile(f"holds {_quoted(name)}, which is a link or a device and not a file")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unsupported(
            f"The archive compresses {_quoted(name)} by method {info.compress_type}, which is not"
            " read; make it again with the usual one (deflate).",
            field="file",
        )


def _check_sizes(entries: tuple[ZipEntry, ...], packed: int, limits: ZipLimits) -> None:
    for entry in entries:
        if entry.size > limits.entry_bytes:
            raise _too_large(f"Its file {_quoted(entry.name)} unpacks", limits.entry_bytes)
        if entry.size > limits.small and entry.size > entry.compressed * limits.entry_ratio:
            raise _bomb(_quoted(entry.name), limits.entry_ratio)
    total = sum(entry.size for entry in entries)
    if total > limits.total_bytes:
        raise _too_large("The archive unpacks", limits.total_bytes)
    if total > limits.small and total > packed * limits.total_ratio:
        raise _bomb("it", limits.total_ratio)


def _entry(info: zipfile.ZipInfo) -> ZipEntry:
    return ZipEntry(
        name=info.filename,
        size=info.file_size,
        compressed=info.compress_size,
        crc=info.CRC,
        method=info.compress_type,
        offset=info.header_offset,
        flags=info.flag_bits,
    )


def _inflate(packed: memoryview, entry: ZipEntry) -> Iterator[bytes]:
    if entry.method == zipfile.ZIP_STORED:
        for at in range(0, len(packed), INFLATE_BYTES):
            yield bytes(packed[at : at + INFLATE_BYTES])
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for at in range(0, len(packed), INFLATE_BYTES):
            waiting: bytes | memoryview = packed[at : at + INFLATE_BYTES]
            while waiting and not inflater.eof:
                yield inflater.decompress(waiting, INFLATE_BYTES)
                waiting = inflater.unconsumed_tail
        while not inflater.eof:
            piece = inflater.decompress(b"", INFLATE_BYTES)
            if not piece:
                raise _damaged()
            yield piece
    except zlib.error as error:
        raise _damaged() from error


def _quoted(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:80] + "…")


def _damaged() -> HeadraceError:
    return InvalidInput(_DAMAGED, field="file")


def _hostile(what: str) -> HeadraceError:
    return InvalidInput(f"The archive is not safe to read: it {what}.", field="file")


def _bomb(what: str, ratio: int) -> HeadraceError:
    return InvalidInput(
        f"The archive is not safe to read: {what} unpacks to more than {ratio} times its size.",
        field="file",
        limit=str(ratio),
    )


def _too_large(what: str, limit: int) -> HeadraceError:
    return Unsupported(
        f"{what} to more than {limit / MEBIBYTE:,.0f} MiB, which is the limit; split the file.",
        field="file",
        limit=str(limit),
    )
