"""The outline of a PDF: titles of headings, and the pages that they stand on."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pypdfium2
from pypdfium2 import raw

from chalicelib.documents.pages import clean, trail_text

MAX_ENTRIES = 20_000
"""An outline may be made to go on for ever; nobody reads one that is longer than this."""

MAX_DEPTH = 15
"""Headings that are deeper are left out."""

Outline = dict[int, list[tuple[str, str]]]
"""By page number: the title of a heading and its whole trail, in the order of the outline."""


def outline_of(document: pypdfium2.PdfDocument) -> Outline:
    """Return the headings of a PDF; one whose page cannot be told only heads those below it."""
    outline: Outline = {}
    trail: list[str] = []
    for depth, entry in _walk(document):
        title = " ".join(clean(entry.get_title()).split())
        del trail[depth:]
        trail.append(title)
        destination = entry.get_dest()
        index = destination.get_index() if destination else None
        if title and index is not None:
            outline.setdefault(index + 1, []).append((title, trail_text(trail)))
    return outline


def _walk(document: pypdfium2.PdfDocument) -> Iterator[tuple[int, pypdfium2.PdfBookmark]]:
    """Yield the entries in their order, each with its depth; no entry twice."""
    seen: set[int] = set()
    waiting = [(0, raw.FPDFBookmark_GetFirstChild(document, None))]
    while waiting and len(seen) < MAX_ENTRIES:
        depth, entry = waiting.pop()
        if not entry or (place := ctypes.addressof(entry.contents)) in seen:
            continue
        seen.add(place)
        yield depth, pypdfium2.PdfBookmark(entry, document, depth)
        waiting.append((depth, raw.FPDFBookmark_GetNextSibling(document, entry)))
        if depth + 1 < MAX_DEPTH:
            waiting.append((depth + 1, raw.FPDFBookmark_GetFirstChild(document, entry)))


def place_headings(entries: list[tuple[str, str]], text: str) -> tuple[tuple[int, str], ...]:
    """Return the offset of each heading on its page; one not found heads what follows."""
    placed: list[tuple[int, str]] = []
    after = 0
    for title, trail in entries:
        found = text.find(title, after)
        start = found if found >= 0 else after
        placed.append((start, trail))
        after = start + len(title) if found >= 0 else start
    return tuple(placed)
