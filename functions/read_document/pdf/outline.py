"""The outline of a PDF: titles of headings, and the pages that they are on."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pypdfium2
from pypdfium2 import raw

from chalicelib.documents.pages import clean, trail_text

MAX_ENTRIES = 20_000
"""The most entries that are read: a hostile outline may be endless."""

MAX_DEPTH = 15
"""The deepest level of headings; deeper ones are left out."""

Outline = dict[int, list[tuple[str, str]]]
"""By page number: the titles of headings and their whole trails, in the outline's order."""


def outline_of(document: pypdfium2.PdfDocument) -> Outline:
    """Return the headings of a PDF; one without a page only adds to the trails below it."""
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
    visited: set[int] = set()
    waiting = [(0, raw.FPDFBookmark_GetFirstChild(document, None))]
    while waiting and len(visited) < MAX_ENTRIES:
        depth, entry = waiting.pop()
        if not entry or (place := ctypes.addressof(entry.contents)) in visited:
            continue
        visited.add(place)
        yield depth, pypdfium2.PdfBookmark(entry, document, depth)
        waiting.append((depth, raw.FPDFBookmark_GetNextSibling(document, entry)))
        if depth + 1 < MAX_DEPTH:
            waiting.append((depth + 1, raw.FPDFBookmark_GetFirstChild(document, entry)))


def place_headings(entries: list[tuple[str, str]], text: str) -> tuple[tuple[int, str], ...]:
    """Return the offset of each heading on its page, in order.

    A heading that is not found is placed where the one before it ends.
    """
    placed: list[tuple[int, str]] = []
    after = 0
    for title, trail in entries:
        offset = text.find(title, after)
        start = offset if offset >= 0 else after
        placed.append((start, trail))
        after = start + len(title) if offset >= 0 else start
    return tuple(placed)
