"""The encoding of text: byte order marks, declared charsets, and a guess from the bytes."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.errors import Unsupported

if TYPE_CHECKING:
    from functions.read_document.text.rows import Blocks


_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.I
)
_META_BYTES = 1024
_SAMPLE = 64 * 1024
_NUL_SHARE = 0.2
_NUL_SHARE_OF_ASCII = 0.9
"""If all letters are ASCII, every second byte is zero; else zero bytes are damage."""
_MAX_CONTROL_SHARE = 0.05
UNREADABLE = "This is not readable text in any known encoding; save it as UTF-8 and upload again."


def decode(data: bytes, *, is_html: bool = False) -> str:
    """Return the text of `data`.

    Raises:
        Unsupported: `data` is binary, or text in an encoding that cannot be detected.
    """
    for name in _candidate_encodings(data, is_html=is_html):
        try:
            text = data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        if is_readable(text):
            return text
    likely = _decode_by_guess(data)
    if likely is None or not is_readable(likely):
        raise Unsupported(UNREADABLE, field="file")
    return likely


def as_utf8(data: bytes) -> bytes:
    """Return text of two or four bytes a character as UTF-8, anything else unchanged.

    Detectors of file types would take such text for binary.
    """
    name = wide_encoding(data)
    if not name:
        return data
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        return data
    return codecs.BOM_UTF8 + text.encode(errors="replace")


def wide_encoding(head: bytes) -> str:
    """Return the encoding of two or four bytes per character in which a text begins, or "".

    A character that is cut off at the end does not count.
    """
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), None)
    name = marked or _wide_without_mark(head)
    if name is None or name == "utf-8-sig":
        return ""
    try:
        text = codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return ""
    return name if is_readable(text) else ""


def _candidate_encodings(data: bytes, *, is_html: bool) -> list[str]:
    """Return the encodings to try, the most certain first."""
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return [name]
    declared = _DECLARED_CHARSET.search(data[:_META_BYTES]) if is_html else None
    name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    # A page whose declaration could be read as ASCII is not UTF-16, whatever it declares.
    return ["utf-8"] if name.startswith("utf-16") else [name, "utf-8"]


def _decode_by_guess(data: bytes) -> str | None:
    """Return `data` decoded by the most likely encoding; few files need this guess."""
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    return None if best is None else str(best)


def _wide_without_mark(data: bytes) -> str | None:
    """Return UTF-16 in the byte order in which most high bytes are zero."""
    sample = data[:_SAMPLE]
    pairs = len(sample) // 2
    if not pairs:
        return None
    high, low = sample[0::2].count(0) / pairs, sample[1::2].count(0) / pairs
    if max(high, low) < _NUL_SHARE_OF_ASCII and sample.translate(None, b"\0").isascii():
        return None
    if low > _NUL_SHARE and low > high:
        return "utf-16-le"
    return "utf-16-be" if high > _NUL_SHARE and high > low else None


def is_readable(text: str) -> bool:
    """Return whether `text` begins without the control characters of decoded binary data."""
    sample = text[:_SAMPLE]
    controls = sum(
        1
        for character in sample
        if unicodedata.category(character) in ("Cc", "Cn", "Cs") and not character.isspace()
    )
    return controls <= len(sample) * _MAX_CONTROL_SHARE


_HEAD_BYTES = 64 * 1024


_GUESS_BYTES = 64 * 1024


_MAX_LINE_BYTES = 1024
"""The most bytes of one line that are examined to detect an encoding."""


def encoding_of(blocks: Blocks) -> str:
    """Return the encoding in which the whole text can be read.

    Raises:
        Unsupported: it is binary, or in an encoding that cannot be detected.
    """
    wide = wide_encoding(b"".join(islice(blocks(), 1))[:_HEAD_BYTES])
    if wide:
        return wide
    if _can_decode(blocks, "utf-8"):
        return "utf-8"
    guess = _guess_encoding(blocks)
    if guess and _can_decode(blocks, guess):
        return guess
    raise Unsupported(UNREADABLE, field="file")


def is_wide(encoding: str) -> bool:
    """Return whether `encoding` takes two or four bytes a character."""
    return encoding.startswith(("utf-16", "utf-32"))


def in_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the text of `blocks`, which is in `encoding`, in UTF-8 without a byte order mark."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")


def _can_decode(blocks: Blocks, encoding: str) -> bool:
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


def _guess_encoding(blocks: Blocks) -> str:
    """Return the encoding that gives the most plausible characters beyond ASCII, or "".

    It is none of two or four bytes a character: those were detected before, by the whole beginning.
    """
    from charset_normalizer import from_bytes

    sample = bytearray()
    for block in blocks():
        for line in block.splitlines(keepends=True):
            if not line.isascii():
                sample += line[:_MAX_LINE_BYTES]
        if len(sample) >= _GUESS_BYTES:
            break
    best = from_bytes(bytes(sample[:_GUESS_BYTES])).best()
    name = "" if best is None else codecs.lookup(best.encoding).name
    return "" if is_wide(name) else name
