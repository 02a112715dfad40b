"""Files of one JSON document a line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError

from chalicelib.contracts.base import Contract
from chalicelib.errors import Conflict

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
