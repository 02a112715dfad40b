"""Stand-ins for linked shared libraries that no function ever calls.

OpenCV's wheel is one library linked to decoders of film and pictures and to a linear algebra of 83
MB. Text recognition calls none of them: its pictures come as arrays, and OpenCV works out matrices
of less than 25 rows by itself. They cannot just be left out, since the loader wants to find every
library and every symbol by name. So each is replaced by one that has the names, with their
versions, and one instruction behind all of them: a call ends the process at once.

Libraries in `*.libs`, where wheels keep copies of what they need, go when nothing needs them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.packaging.elf import (
    DYNAMIC,
    HASH,
    LOAD,
    MAGIC,
    SONAME,
    STRTAB,
    SYMTAB,
    VERDEF,
    VERSYM,
    SharedLibrary,
    Symbol,
    is_elf,
)
from infra.packaging.targets import PackagingError

REPLACED: Mapping[str, str] = {
    "opencv_python_headless.libs/libavcodec-*": "decodes films",
    "opencv_python_headless.libs/libavformat-*": "reads films",
    "opencv_python_headless.libs/libavutil-*": "belongs to what reads films",
    "opencv_python_headless.libs/libswscale-*": "makes pictures of films larger or smaller",
    "opencv_python_headless.libs/libavif-*": "reads AVIF pictures",
    "opencv_python_headless.libs/libopenblas*": "computes with large matrices",
}
"""Patterns of the libraries that are replaced, with what they would do."""

_FUNCTION = 2
_CXX = "_Z"
"""The prefix of C++ names. A library in C++ defines some of the standard library's beside its
own, and those are the standard library's to answer for."""

_TRAPS = {62: b"\x0f\x0b", 183: b"\x20\x00\x20\xd4"}
"""By `e_machine`: the instruction that ends a process, `ud2` and `brk #1`."""

_PAGE = 0x10000
"""The largest page that either architecture has."""
_STRSZ, _SYMENT, _VERDEFNUM = 10, 11, 0x6FFFFFFD
_STACK = 0x6474E551
_READ_RUN, _READ_WRITE = 5, 6
_SYMBOL = struct.Struct("<IBBHQQ")
_SECTION = 1
"""Any section but none: the loader asks for no more, and there is no table of sections."""


def stand_in(folder: Path) -> None:
    """Replace libraries in `folder`, a site directory of any packages.

    Raises:
        PackagingError: something needs data of such a library, which a stand-in lacks.
    """
    replaced = [file for pattern in REPLACED for file in sorted(folder.glob(pattern))]
    if replaced:
        libraries = [SharedLibrary(file) for file in _libraries(folder) if file not in replaced]
        wanted = {
            symbol.name for each in libraries for symbol in each.symbols() if not symbol.defined
        }
        for file in replaced:
            library = SharedLibrary(file)
            built = _built(library, _asked_of(library, wanted))
            mode = file.stat().st_mode
            file.unlink()  # It may be a hard link into the installer's cache.
            file.write_bytes(built)
            file.chmod(mode)


def unneeded(entries: Mapping[str, Path]) -> set[str]:
    """Return the paths of bundled libraries that no package needs."""
    libraries = {
        place: file
        for place, file in sorted(entries.items())
        if ".so" in file.name and is_elf(file)
    }
    beside = {
        file.name: place for place, file in libraries.items() if file.parent.name.endswith(".libs")
    }
    waiting = [file for place, file in libraries.items() if place not in beside.values()]
    while waiting:
        needed = SharedLibrary(waiting.pop()).needed
        waiting += [libraries[beside.pop(name)] for name in needed if name in beside]
    return set(beside.values())


def _libraries(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.rglob("*.so*"))
        if file.is_file() and not file.is_symlink() and is_elf(file)
    ]


def _asked_of(library: SharedLibrary, wanted: set[str]) -> list[Symbol]:
    symbols = [
        symbol
        for symbol in library.symbols()
        if symbol.defined and symbol.name in wanted and not symbol.name.startswith(_CXX)
    ]
    data = sorted(symbol.name for symbol in symbols if symbol.kind != _FUNCTION)
    if data:
        raise PackagingError(
            f"Nothing can stand in for {library.soname}: {', '.join(data)} is no function. Take it "
            "out of infra/packaging/stand_ins.py."
        )
    return sorted(symbols, key=lambda symbol: symbol.name)


class _Strings:
    """A growing ELF string table."""

    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, text: str) -> int:
        at = len(self.data)
        self.data += text.encode() + b"\0"
        return at


def _built(library: SharedLibrary, symbols: Sequence[Symbol]) -> bytes:
    """Return a shared library named `library`, whose `symbols` all point to a trap."""
    trap = _TRAPS[library.machine]
    strings = _Strings()
    name = strings.add(library.soname)
    versions = sorted({symbol.version for symbol in symbols if symbol.version})
    indexes = {"": 1, **{version: number for number, version in enumerate(versions, 2)}}
    begin = 64 + 4 * 56
    entries = [
        (strings.add(symbol.name), (1 << 4) | _FUNCTION, 0, _SECTION, begin, len(trap))
        for symbol in symbols
    ]
    tables = {
        HASH: _hash_table(len(symbols)),
        SYMTAB: bytes(_SYMBOL.size) + b"".join(_SYMBOL.pack(*entry) for entry in entries),
        VERSYM: struct.pack("<H", 0)
        + b"".join(struct.pack("<H", indexes[symbol.version]) for symbol in symbols),
        VERDEF: _definitions(strings, library.soname, versions),
        STRTAB: strings.data,
    }
    body = trap.ljust(16, b"\0")
    tags = [(SONAME, name), (_STRSZ, len(strings.data)), (_SYMENT, _SYMBOL.size)]
    tags.append((_VERDEFNUM, 1 + len(versions)))
    for tag, table in tables.items():
        tags.append((tag, begin + len(body)))
        body += table.ljust(-(-len(table) // 16) * 16, b"\0")
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in [*tags, (0, 0)])
    return _headers(library.machine, begin + len(body), len(dynamic)) + body + dynamic


def _headers(machine: int, size: int, dynamic: int) -> bytes:
    """Return the ELF headers for `size` bytes of code and `dynamic` bytes of writable data."""
    ident = (MAGIC + b"\x01").ljust(16, b"\0")
    header = ident + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0)
    writable = (size, size + _PAGE, size + _PAGE, dynamic, dynamic)
    programs = [
        (LOAD, _READ_RUN, 0, 0, 0, size, size, _PAGE),
        (LOAD, _READ_WRITE, *writable, _PAGE),
        (DYNAMIC, _READ_WRITE, *writable, 8),
        (_STACK, _READ_WRITE, 0, 0, 0, 0, 0, 16),
    ]
    return header + b"".join(struct.pack("<IIQQQQQQ", *program) for program in programs)


def _hash_table(count: int) -> bytes:
    """Return a hash table of one bucket, a chain of all symbols."""
    first = 1 if count else 0
    chain = [0, *range(2, count + 1), *([0] if count else [])]
    return struct.pack(f"<{3 + len(chain)}I", 1, len(chain), first, *chain)


def _definitions(strings: _Strings, soname: str, versions: Sequence[str]) -> bytes:
    """Return the table of versions that the library defines, the library itself first."""
    table = b""
    for number, name in enumerate([soname, *versions], 1):
        following = 28 if number <= len(versions) else 0
        flags = 1 if number == 1 else 0
        table += struct.pack("<HHHHIII", 1, flags, number, 1, _elf_hash(name), 20, following)
        table += struct.pack("<II", strings.add(name), 0)
    return table


def _elf_hash(name: str) -> int:
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value
