"""Chunks of a recording's pages: of what is spoken, and of what is seen and read on screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import Chunk, Page
from chalicelib.retrieval.text.chunks import CountTokens, chunk_pages
from chalicelib.retrieval.text.spoken_passages import LENGTHS, PassageLengths, spoken_passages
from chalicelib.retrieval.text.timelines import timed_chunks

if TYPE_CHECKING:
    from chalicelib.contracts.page_times import PageTimes, ShownBlock


def chunk_recording(
    pages: Sequence[Page],
    times: Sequence[PageTimes],
    count: CountTokens,
    limit: int,
    lengths: PassageLengths = LENGTHS,
) -> Iterator[Chunk]:
    """Yield the chunks of pages with times, in order and numbered from 0, as `chunk_pages` does.

    A chunk has what is spoken, or what is seen in a shot, or what is read in it: never two of them,
    and never two shots. What is seen has labels, as that of a picture. What is spoken ends where
    the speaker pauses, too.
    """
    number = 0
    for page, timed in zip(pages, times, strict=True):
        if timed.kind == "screen":
            found = _screen_chunks(page, timed, count, limit)
        else:
            spoken = _spoken_chunks(page, timed, count, limit, lengths)
            found = timed_chunks(spoken, [page], [timed])
        for chunk in found:
            yield chunk.model_copy(update={"n": number})
            number += 1


def _spoken_chunks(
    page: Page, timed: PageTimes, count: CountTokens, limit: int, lengths: PassageLengths
) -> Iterator[Chunk]:
    """Yield the description of a recording, then what is spoken; only that if there is no word."""
    passages = spoken_passages(page.text, timed.spans, lengths)
    described_end = page.described if timed.spans else len(page.text)
    yield from chunk_pages(
        [page.model_copy(update={"text": page.text[:described_end]})], count, limit
    )
    for each in passages:
        passage = Page(page=page.page, text=page.text[each.start : each.end])
        for found in chunk_pages([passage], count, limit):
            start, end = each.start + found.start, each.start + found.end
            yield found.model_copy(update={"start": start, "end": end})


def _screen_chunks(page: Page, timed: PageTimes, count: CountTokens, limit: int) -> Iterator[Chunk]:
    headings = dict(page.headings)
    for block in timed.blocks:
        heading = headings.get(block.start, "")
        if block.labels:
            yield _chunk(page, block, heading, block.start, block.seen_end, labels=True)
        text = page.text[block.seen_end : block.end]
        for found in chunk_pages([Page(page=page.page, text=text)], count, limit):
            start = block.seen_end + found.start
            yield _chunk(page, block, heading, start, block.seen_end + found.end, labels=False)


def _chunk(
    page: Page, block: ShownBlock, heading: str, start: int, end: int, *, labels: bool
) -> Chunk:
    return Chunk(
        n=0,
        page=page.page,
        heading=heading,
        start=start,
        end=end,
        text=page.text[start:end],
        labels=block.labels if labels else (),
        described=labels,
        start_ms=block.start_ms,
        end_ms=block.end_ms,
    )
