"""Chunks of a recording's pages: of what is spoken, and of what is seen and read on screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import Chunk, Page
from chalicelib.retrieval.text.chunks import CountTokens, chunk_pages
from chalicelib.retrieval.text.timelines import timed_chunks

if TYPE_CHECKING:
    from chalicelib.contracts.page_times import PageTimes, ShownBlock


def chunk_recording(
    pages: Sequence[Page], times: Sequence[PageTimes], count: CountTokens, limit: int
) -> Iterator[Chunk]:
    """Yield the chunks of pages with times, in order and numbered from 0, as `chunk_pages` does.

    A chunk has what is spoken, or what is seen in a shot, or what is read in it: never two of them,
    and never two shots. What is seen has labels, as that of a picture.
    """
    number = 0
    for page, timed in zip(pages, times, strict=True):
        if timed.kind == "screen":
            found = _screen_chunks(page, timed, count, limit)
        else:
            found = timed_chunks(chunk_pages([page], count, limit), [page], [timed])
        for chunk in found:
            yield chunk.model_copy(update={"n": number})
            number += 1


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
