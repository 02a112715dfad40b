"""The encoding of a text that need not fit into memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.errors import Unsupported
from functions.read_document.decode import UNREADABLE, is_readable, wide_encoding

if TYPE_CHECKING:
    from functions.read_document.lines import Blocks

_HEAD = 64 * 1024
_SAMPLE = 64 * 1024
_LONGEST = 1024
"""How much of one line is looked at to tell an encoding."""


def encoding_of(blocks: Blocks) -> str:
    """Return the encoding in which the whole text can be read.

    Raises:
        Unsupported: it is binary, or in an encoding that cannot be told.
    """
    wide = wide_encoding(b"".join(islice(blocks(), 1))[:_HEAD])
    if wide:
        return wide
    if _can_read(blocks, "utf-8"):
        return "utf-8"
    guess = _guess(blocks)
    if guess and _can_read(blocks, guess):
        return guess
    raise Unsupported(UNREADABLE, field="file")


def is_wide(encoding: str) -> bool:
    """Tell whether `encoding` takes two or four bytes a character: no byte ends a line then."""
    return encoding.startswith(("utf-16", "utf-32"))


def in_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the text of `blocks`, which is in `encoding`, in UTF-8 without a byte order mark."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")


def _can_read(blocks: Blocks, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for number, block in enumerate(blocks()):
            text = decoder.decode(block)
            if number == 0 and not is_readable(text):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _guess(blocks: Blocks) -> str:
    """Return the encoding that makes most sense of the characters beyond ASCII, or "".

    None of two or four bytes a character: those were told before, by the whole beginning.
    """
    from charset_normalizer import from_bytes

    sample = bytearray()
    for block in blocks():
        for line in block.splitlines(keepends=True):
            if not line.isascii():
                sample += line[:_LONGEST]
        if len(sample) >= _SAMPLE:
            break
    best = from_bytes(bytes(sample[:_SAMPLE])).best()
    name = "" if best is None else codecs.lookup(best.encoding).name
    return "" if is_wide(name) else name
