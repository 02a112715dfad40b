"""Dictionaries in the format of dictd: an index of places in one compressed text.

A line of the index is a headword, an offset and a length, both in bytes of the text, separated
by tabs. The numbers are written in base 64, the most significant digit first, with the digits of
RFC 4648, but none of its padding. The text is compressed by dictzip, which gzip can read.
dictd(8), dictfmt(1), dictzip(1): https://manpages.debian.org/stable/dictd/dictd.8.en.html
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

FOLDER = Path("/usr/share/dictd")
_DIGITS = {
    digit: value for value, digit in enumerate(ascii_uppercase + ascii_lowercase + digits + "+/")
}
_ABOUT = "00-database"


@dataclass(frozen=True, slots=True)
class Article:
    """One text and the headwords that lead to it, in the order of the index."""

    headwords: tuple[str, ...]
    text: str


def number(written: str) -> int:
    """Return the number that the index writes as `written`. Raises ValueError."""
    if not written or not set(written) <= _DIGITS.keys():
        raise ValueError(f"{written!r} is no number of a dictd index.")
    value = 0
    for digit in written:
        value = 64 * value + _DIGITS[digit]
    return value


def installed(name: str, folder: Path = FOLDER) -> bool:
    """Return whether the dictionary is installed."""
    return all((folder / f"{name}.{ending}").is_file() for ending in ("index", "dict.dz"))


def articles(name: str, folder: Path = FOLDER) -> Iterator[Article]:
    """Yield the articles of a dictionary in the order of their first headwords.

    Headwords of the same place are one article's; what the dictionary says of itself is left out.

    Raises:
        FileNotFoundError: the dictionary is not installed.
        ValueError: a line of the index is malformed, or points beyond the text.
    """
    headwords: dict[tuple[int, int], list[str]] = {}
    for line in (folder / f"{name}.index").read_text("utf-8").splitlines():
        headword, offset, length = _fields(line)
        if not headword.startswith(_ABOUT):
            headwords.setdefault((offset, length), []).append(headword)
    text = gzip.decompress((folder / f"{name}.dict.dz").read_bytes())
    for (offset, length), names in headwords.items():
        if offset + length > len(text):
            raise ValueError(f"{names[0]!r} ends beyond the text of {name}.")
        yield Article(tuple(names), text[offset : offset + length].decode("utf-8"))


def _fields(line: str) -> tuple[str, int, int]:
    fields = line.split("\t")
    if len(fields) < 3:
        raise ValueError(f"A line of the index has no offset and length: {line!r}.")
    return fields[0], number(fields[1]), number(fields[2])
