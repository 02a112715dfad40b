"""Entries of the Free On-line Dictionary of Computing, with their subjects and references.

Debian's dict-foldoc has them as dictd does: a headword, alone on its line, and an indented text in
which `{…}` refers to another entry and a first `<…>` names the subject.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from models.data.packages import DebianPackage, read_debian_file
from models.training_data.rows import DataRow

PACKAGE = DebianPackage(
    "dict-foldoc", "20250211-1", "136ba51701058a645d9d96a268b4f5646335555649c04b68ac4a17324a54afd3"
)
MEMBER = "usr/share/dictd/foldoc.dict.dz"
SOURCE = "The Free On-line Dictionary of Computing, http://foldoc.org, Debian's dict-foldoc"
LICENCE = "GFDL-1.1-or-later"

_ENTRY = re.compile(r"\n(?=\S)")
_SUBJECT = re.compile(r"^<([a-z][a-z ]*)(?:, [^>]*)?> ")
_FOOT = re.compile(r"\s*(?:\(\d{4}-\d\d-\d\d\)|\[[^\]]*\]\.?)\s*$")
_ADDRESS = re.compile(r"\s*\(?\{[^{}]*(?:https?|ftp|mailto|news):[^{}]*\}\)?\.?")
_REFERENCE = re.compile(r"\{([^{}]*)\}")
_LEAST = 60
"""Characters of an entry: shorter ones only send the reader elsewhere."""

R = TypeVar("R", bound=DataRow)


@dataclass(frozen=True, slots=True)
class DictionaryEntry:
    """An entry: its headword, its subject, "" if it names none, and its text.

    `references` are the parts of the text, start and end, that refer to other entries.
    """

    name: str
    subject: str
    text: str
    references: tuple[tuple[int, int], ...]


def entries() -> list[DictionaryEntry]:
    """Return the entries that say something, in the order of hashes. Raises NoDataset, BadData."""
    written = gzip.decompress(read_debian_file(PACKAGE, MEMBER)).decode("utf-8")
    found: dict[str, DictionaryEntry] = {}
    for article in _ENTRY.split(written):
        entry = parse(article)
        if entry is not None:
            found.setdefault(entry.text, entry)
    return sorted(found.values(), key=lambda each: hashed(each.name))


def parse(article: str) -> DictionaryEntry | None:
    """Return the entry of an article, or None if it says nothing of its own."""
    head, _, body = article.partition("\n\n")
    name = head.split("\n")[0].strip()
    flat = " ".join(body.split())
    while (shorter := _FOOT.sub("", flat)) != flat:
        flat = shorter
    flat = _ADDRESS.sub("", flat)
    subject = _SUBJECT.match(flat)
    marked = flat[subject.end() :] if subject else flat
    text, references = _unmarked(marked)
    if not name or name.startswith("00-database") or len(text) < _LEAST:
        return None
    return DictionaryEntry(name, subject.group(1) if subject else "", text, references)


def _unmarked(marked: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return a text without braces, and where each reference then stands."""
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    size = at = 0
    for found in _REFERENCE.finditer(marked):
        before, inside = marked[at : found.start()], found.group(1).strip()
        pieces += [before, inside]
        size += len(before)
        if inside:
            places.append((size, size + len(inside)))
        size += len(inside)
        at = found.end()
    pieces.append(marked[at:])
    text = "".join(pieces)
    lead = len(text) - len(text.lstrip())
    return text.strip(), tuple((start - lead, end - lead) for start, end in places)


def hashed(name: str) -> str:
    """Return a hash to order by, which has nothing to do with the entry."""
    return hashlib.sha256(name.casefold().encode()).hexdigest()


def split(rows: Sequence[R], train: int, validation: int, test: int) -> tuple[list[R], ...]:
    """Return rows to train on, to validate by and to test by, from the front of `rows`."""
    first, second = test, test + validation
    return list(rows[second : second + train]), list(rows[first:second]), list(rows[:first])
