"""The lines of an input as they come, each with its place, a bounded piece in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chalicelib.contracts.batches import MAX_LINE_BYTES

_BLANK = b" \t\r"
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RawLine:
    """Line `n` of those that are not empty, which begins at byte `start` and is `length` long.

    `body` is None where the line is longer than a line may be, and was not kept.
    """

    n: int
    start: int
    length: int
    body: bytes | None


def lines_of(pieces: Iterable[bytes], most: int = MAX_LINE_BYTES) -> Iterator[RawLine]:
    """Yield the lines of a file that comes in `pieces`, at most `most` bytes of one in memory
    beside a piece. A byte order mark at the beginning of the file is no part of its first line.
    """
    held = bytearray()
    length = start = n = 0
    for piece in pieces:
        first = 0
        while first <= len(piece):
            end = piece.find(b"\n", first)
            part = piece[first:] if end < 0 else piece[first:end]
            length += len(part)
            held += part[: most + len(_MARK) + 1 - len(held)]
            if end < 0:
                break
            found = _line(n, start, length, held, most)
            if found is not None:
                n += 1
                yield found
            start += length + 1
            length, first = 0, end + 1
            held.clear()
    found = _line(n, start, length, held, most)
    if found is not None:
        yield found


def _line(n: int, start: int, length: int, held: bytearray, most: int) -> RawLine | None:
    body = bytes(held)
    if start == 0 and body.startswith(_MARK):
        body, start, length = body[len(_MARK) :], len(_MARK), length - len(_MARK)
    if length > most:
        return RawLine(n, start, length, None)
    return RawLine(n, start, length, body) if body.strip(_BLANK) else None
