"""Text by lines, as bytes: where each line lies in the file, in bounded memory.

Lines end with `\\n`, `\\r\\n` or `\\r`. None of these bytes is part of a longer character in UTF-8,
in any encoding of one byte a character, or in the common ones of East Asia.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from chalicelib.errors import Unsupported

BLOCK = 1024 * 1024
MAX_LINE = 1024 * 1024
"""Bytes of a line, or of a row with line ends in it, that are read at most."""

Blocks = Callable[[], Iterator[bytes]]
"""Returns the bytes of a file from their beginning, each time that it is called."""


def blocks_of(path: Path) -> Blocks:
    """Return how to read the file `path`."""

    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block

    return read


def lines(blocks: Iterable[bytes], *, cut_at: int = 0) -> Iterator[bytes]:
    """Yield the lines of `blocks`, their ends included; longer ones in pieces of `cut_at` bytes.

    Where `cut_at` is 0, a line of more than `MAX_LINE` bytes is too long.

    Raises:
        Unsupported: a line is too long.
    """
    number, rest = 0, b""
    most = cut_at or MAX_LINE
    for block in blocks:
        found = (rest + block).splitlines(keepends=True)
        # What ends the block may go on in the next, also a "\r" before its "\n".
        rest = found.pop() if found and not found[-1].endswith(b"\n") else b""
        for line in found:
            number += 1
            yield from _pieces(line, number, cut_at)
        if len(rest) > most:
            *pieces, rest = _pieces(rest, number + 1, cut_at)
            yield from pieces
    if rest:
        yield from _pieces(rest, number + 1, cut_at)


def _pieces(line: bytes, number: int, cut_at: int) -> Iterator[bytes]:
    if not cut_at and len(line) > MAX_LINE:
        raise too_long(f"Line {number:,}")
    while cut_at and len(line) > cut_at:
        at = _cut(line, cut_at)
        yield line[:at]
        line = line[at:]
    yield line


def _cut(line: bytes, most: int) -> int:
    """Return where to cut a line: behind a space if it can, else before a character of UTF-8."""
    space = line.rfind(b" ", most // 2, most)
    if space >= 0:
        return space + 1
    for at in range(most, most - 4, -1):
        if not 0x80 <= line[at] < 0xC0:
            return at
    return most


def too_long(what: str) -> Unsupported:
    """Return the refusal of a line or row that is longer than is read."""
    return Unsupported(
        f"{what} has more than {MAX_LINE // BLOCK} MiB, which is the limit; part it into shorter"
        " ones. An unpaired quotation mark can join rows into one.",
        field="file",
        limit=str(MAX_LINE),
    )
