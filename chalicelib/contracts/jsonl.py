"""Files of one JSON document a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeVar

from pydantic import ValidationError

from chalicelib.contracts.base import Contract
from chalicelib.errors import Conflict, InvalidInput

Line = TypeVar("Line", bound=Contract)


def dump_lines(lines: Iterable[Contract]) -> bytes:
    """Return `lines` as UTF-8, each ended by a newline."""
    return b"".join(line.model_dump_json().encode() + b"\n" for line in lines)


def parse_lines(body: bytes, kind: type[Line], expected: int) -> list[Line]:
    """Return the lines of `body`, all of the contract `kind`.

    Raises:
        Conflict: there are not `expected` lines, or one is not whole: lines went missing.
    """
    written = body.split(b"\n")
    if written.pop() or len(written) != expected:
        raise Conflict(
            f"The file has {len(written)} whole lines of {kind.__name__}; {expected} were written."
        )
    try:
        return [kind.model_validate_json(line) for line in written]
    except ValidationError as error:
        raise Conflict(f"A line is not a {kind.__name__}: {error}") from error


def read_lines(pieces: Iterable[bytes], kind: type[Line], expected: int) -> Iterator[Line]:
    """Yield the lines of a body that comes in `pieces`, a line in memory at a time.

    Raises `Conflict` as `parse_lines` does, but only once it has come to what is wrong.
    """
    count = 0
    for line in whole_lines(pieces):
        try:
            yield kind.model_validate_json(line)
        except ValidationError as error:
            raise Conflict(f"Line {count + 1} is not a {kind.__name__}: {error}") from error
        count += 1
    if count != expected:
        raise Conflict(f"The file has {count} lines of {kind.__name__}; {expected} were written.")


def whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a body that comes in `pieces`, without their ends.

    Raises:
        Conflict: the last line is not ended.
    """
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        raise Conflict("The file ends within a line.")


def lines_behind(pieces: Iterator[bytes], at: int) -> Iterator[bytes]:
    """Yield the lines of a body from byte `at` on, without their ends, as `whole_lines` does.

    Args:
        pieces: The body from the byte before `at` on, which has to end a line; from 0 on for 0.
        at: The offset of a line, as a cursor has it.

    Raises:
        InvalidInput: no line begins there: the cursor is of another file.
        Conflict: the last line is not ended.
    """
    if at:
        first = next(pieces, b"")
        if not first.startswith(b"\n"):
            raise InvalidInput(
                "The cursor is not one of this list; begin again without it.", field="cursor"
            )
        pieces = chain([first[1:]], pieces)
    yield from whole_lines(pieces)
