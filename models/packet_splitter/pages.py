"""The pages of drawn packets as production reads them, with what drawn documents lack.

Drawn forms and contracts end on their first page, and hardly any document counts its pages. So
some pages are cut in two, and some documents are numbered, as real ones are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chalicelib.extraction.document import DocumentPage, SourceDocument
from models.datasets.business_documents.packets import GeneratedPacket
from models.datasets.business_documents.wordings import wordings
from models.field_ranker.examples import read_generated

NUMBERED, CUT, HEADED, WITHOUT_PLACES = 0.5, 0.5, 0.5, 0.25
"""Shares: of numbered documents, of pages cut in two, of those with the header repeated on the
second, and of packets without geometry."""
_FORMS = (
    *("{label} {n}", "{label} {n}/{all}", "{label} {n} {of} {all}", "{n}/{all}"),
    *("- {n} -", "{n}", "{n} {of} {all}"),
)
_OF = ("of", "von", "sur", "de", "di", "van", "av", "/")
_LEAST_LINES = 10
_FILLED = 0.93
"""How far down a cut page its text reaches."""


@dataclass(frozen=True, slots=True)
class PacketPages:
    """The pages of a packet as one document, and the places in it at which documents begin."""

    document: SourceDocument
    starts: tuple[int, ...]
    of_one_sender: bool


def packet_pages(packet: GeneratedPacket, rng: random.Random) -> PacketPages:
    """Return the pages of a packet."""
    with_words = rng.random() >= WITHOUT_PLACES
    shared = rng.choice(_FORMS) if rng.random() < NUMBERED else ""
    pages: list[DocumentPage] = []
    starts = []
    for drawn in packet.documents:
        starts.append(len(pages))
        read = read_generated(drawn, with_words=with_words).pages
        own = [half for page in read for half in _cut(page, rng)]
        form = shared
        if not packet.of_one_sender:
            form = rng.choice(_FORMS) if rng.random() < NUMBERED else ""
        known, held_out = wordings(drawn.language.split("_")[0])["page"]
        words = {"label": rng.choice((*known, *held_out)), "of": rng.choice(_OF)}
        for number, page in enumerate(own, start=1):
            footer = form.format(n=number, all=len(own), **words)
            text = f"{page.text.rstrip()}\n{footer}" if footer else page.text
            pages.append(replace(page, number=len(pages) + 1, text=text))
    return PacketPages(
        SourceDocument("", "", "", "", tuple(pages)), tuple(starts), packet.of_one_sender
    )


def _cut(page: DocumentPage, rng: random.Random) -> Iterator[DocumentPage]:
    """Yield a page, or both halves of it."""
    ends = [at for at, sign in enumerate(page.text) if sign == "\n"]
    if len(ends) < _LEAST_LINES or rng.random() >= CUT:
        yield page
        return
    places = [end for end in ends[len(ends) // 3 : -3] if _is_cut(page, end)]
    if not places:
        yield page
        return
    at = rng.choice(places) + 1
    above = tuple(word for word in page.placed if word.end <= at)
    below = tuple(word for word in page.placed if word.start >= at)
    height = max((word.bottom for word in above), default=0.0) / _FILLED or page.height
    yield replace(page, text=page.text[:at], placed=above, height=height)
    header = page.text[: ends[0] + 1] if rng.random() < HEADED else ""
    top = min((word.top for word in below), default=0.0) - 0.1 * height
    yield replace(
        page,
        text=header + page.text[at:],
        placed=tuple(
            word._replace(
                start=word.start - at + len(header),
                end=word.end - at + len(header),
                top=word.top - top,
                bottom=word.bottom - top,
            )
            for word in below
        ),
        height=height,
        headings=(),
    )


def _is_cut(page: DocumentPage, end: int) -> bool:
    """Return whether all words before an offset stand above those behind it."""
    above = [word.bottom for word in page.placed if word.end <= end]
    below = [word.top for word in page.placed if word.start >= end]
    return not page.placed or (bool(above) and bool(below) and max(above) <= min(below) + 1)
