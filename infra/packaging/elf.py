"""Reader of ELF shared libraries: their machine, dependencies and symbols.

64-bit, little-endian files only, which is what both architectures of Lambda have.
https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html, elf(5)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.targets import BuildTarget, PackagingError

MAGIC = b"\x7fELF\x02\x01"
"""A 64-bit little-endian ELF file begins so."""

DYNAMIC, LOAD = 2, 1
NEEDED, HASH, STRTAB, SYMTAB, SONAME = 1, 4, 5, 6, 14
VERSYM, VERDEF, VERNEED = 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE
_DYNSYM_SECTION = 11
_HIDDEN = 0x8000
_HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_TAG = struct.Struct("<QQ")
_SYMBOL = struct.Struct("<IBBHQQ")


@dataclass(frozen=True, slots=True)
class Symbol:
    """An entry of the dynamic symbol table.

    `version` is empty if it has none; `kind` is the type of `st_info`, 2 being a function.
    """

    name: str
    version: str
    defined: bool
    kind: int


def is_elf(file: Path) -> bool:
    """Return whether a file is an ELF file that this module reads."""
    with file.open("rb") as content:
        return content.read(len(MAGIC)) == MAGIC


def machine_of(file: Path) -> int:
    """Return `e_machine` of an ELF file; only its header is read."""
    with file.open("rb") as content:
        (machine,) = struct.unpack_from("<H", content.read(64), 18)
    return int(machine)


def demand_machine(
    bundle: str, entries: Mapping[str, Path], target: BuildTarget, known: dict[Path, int | None]
) -> int:
    """Check the machine of a bundle's ELF files, and return their number.

    `known` caches the results of files between calls.

    Raises:
        PackagingError: one is for another machine; nothing of the bundle would load on Lambda.
    """
    count = 0
    for place, file in sorted(entries.items()):
        if file not in known:
            known[file] = machine_of(file) if is_elf(file) else None
        machine = known[file]
        if machine is None:
            continue
        count += 1
        if machine != target.machine:
            raise PackagingError(
                f"{place} in the bundle of {bundle} is for another machine (e_machine {machine}), "
                f"and {target.architecture} is {target.machine}. Its package has a wrong wheel."
            )
    return count


class SharedLibrary:
    """A shared library, read into memory."""

    def __init__(self, file: Path) -> None:
        """Read `file`, for which `is_elf` must hold."""
        self.file = file
        self._data = file.read_bytes()
        header = _HEADER.unpack_from(self._data)
        self.machine: int = header[1]
        self._programs = [
            _PROGRAM.unpack_from(self._data, header[4] + number * header[8])
            for number in range(header[9])
        ]
        self._sections = [
            _SECTION.unpack_from(self._data, header[5] + number * header[10])
            for number in range(header[11])
        ]
        self._tags = list(self._dynamic())

    @property
    def needed(self) -> list[str]:
        """Return the names of the libraries that it needs to be loaded."""
        return [self._string(value) for tag, value in self._tags if tag == NEEDED]

    @property
    def soname(self) -> str:
        """Return the name by which other libraries need it."""
        names = [self._string(value) for tag, value in self._tags if tag == SONAME]
        return names[0] if names else self.file.name

    def symbols(self) -> list[Symbol]:
        """Return the named entries of the dynamic symbol table."""
        at = self._place(SYMTAB)
        versions = self._versions()
        versym = self._place(VERSYM)
        entries = []
        for number in range(1, self._symbol_count() if at else 0):
            place = (at or 0) + number * _SYMBOL.size
            name, info, _, section, _, _ = _SYMBOL.unpack_from(self._data, place)
            version = ""
            if versym is not None:
                (index,) = struct.unpack_from("<H", self._data, versym + 2 * number)
                version = versions.get(index & ~_HIDDEN, "")
            entries.append(Symbol(self._string(name), version, section != 0, info & 0xF))
        return [symbol for symbol in entries if symbol.name]

    def _symbol_count(self) -> int:
        """Return the length of the symbol table, by the section headers or by the hash table."""
        for section in self._sections:
            if section[1] == _DYNSYM_SECTION:
                return int(section[5] // _SYMBOL.size)
        table = self._place(HASH)
        return 0 if table is None else int(struct.unpack_from("<I", self._data, table + 4)[0])

    def _dynamic(self) -> Iterator[tuple[int, int]]:
        for kind, _, offset, _, _, size, _, _ in self._programs:
            if kind == DYNAMIC:
                for at in range(offset, offset + size, _TAG.size):
                    tag, value = _TAG.unpack_from(self._data, at)
                    yield tag, value

    def _place(self, tag: int) -> int | None:
        """Return the file offset of the table of a dynamic tag."""
        address = dict(self._tags).get(tag)
        if address is None:
            return None
        for kind, _, offset, start, _, size, _, _ in self._programs:
            if kind == LOAD and start <= address < start + size:
                return int(address - start + offset)
        raise PackagingError(f"{self.file} is damaged: nothing is loaded at {address:#x}.")

    def _string(self, offset: int) -> str:
        begin = (self._place(STRTAB) or 0) + offset
        return self._data[begin : self._data.index(b"\0", begin)].decode()

    def _versions(self) -> dict[int, str]:
        """Return the names of versions by the indexes in symbols."""
        names: dict[int, str] = {}
        at = self._place(VERDEF)
        while at is not None:
            _, flags, index, _, _, aux, following = struct.unpack_from("<HHHHIII", self._data, at)
            (name,) = struct.unpack_from("<I", self._data, at + aux)
            if not flags & 1:
                names[index] = self._string(name)
            at = at + following if following else None
        at = self._place(VERNEED)
        while at is not None:
            _, count, _, aux, following = struct.unpack_from("<HHIII", self._data, at)
            inner = at + aux
            for _ in range(count):
                _, _, index, name, step = struct.unpack_from("<IHHII", self._data, inner)
                names[index] = self._string(name)
                inner += step
            at = at + following if following else None
        return names
