"""Splitting of pages into chunks: passages that an embedding model can read whole.

A chunk is an exact slice of its page, cut between segments. What belongs together stays together
if one chunk can hold it: a short list, a lead-in and its first item, a term and its text, a comment
and its setting, code and the sentence before it, a caption and its table. A chunk begins at a
heading unless that would leave tiny chunks, and repeats the last short sentence of the chunk before
it, so that a statement on the border is found from both sides.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.contracts.ingest import Chunk, Page
from chalicelib.retrieval.text.segmentation import split_segments
from chalicelib.retrieval.text.segments import Segment, SegmentKind
from chalicelib.retrieval.text.sentences import TextSpan

MIN_SECTION_TOKENS = 24
"""A section with fewer tokens than this is joined with what follows."""

OVERLAP_TOKENS = 40
"""The most tokens of a sentence that is repeated in the next chunk."""

_MAX_GROUP = 4_000
"""The most characters that are counted to find out whether they fit into one chunk."""
_TABLE_KINDS = {SegmentKind.ROW, SegmentKind.COLUMN_NAMES, SegmentKind.RULE}

CountTokens = Callable[[str], int]
"""Counts a text as the model does, special tokens included."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence or a part of one, and its tokens; `opens` if it begins a section."""

    start: int
    end: int
    tokens: int
    opens: bool


@dataclass(slots=True)
class _Packer:
    """Packs the pieces of one page into spans of at most `limit` tokens.

    `special` is the number of tokens that the model adds to any text.
    """

    text: str
    count: CountTokens
    limit: int
    special: int
    spans: list[tuple[int, int]] = field(default_factory=list)
    pieces: list[_Piece] = field(default_factory=list)

    def take_group(self, pieces: Sequence[_Piece]) -> None:
        """Add pieces that belong together: in the next chunk if only that can hold them all."""
        if len(pieces) == 1:
            self.take(pieces[0])
            return
        tokens = sum(piece.tokens for piece in pieces)
        opens = any(piece.opens for piece in pieces)
        is_full = self._tokens() + tokens > self.limit - self.special
        if is_full or (opens and self._tokens() >= MIN_SECTION_TOKENS):
            self.close()
        self.pieces += pieces

    def take(self, piece: _Piece) -> None:
        """Add a piece, after closing the chunk if it starts a section or would not fit."""
        if piece.opens and self._tokens() >= MIN_SECTION_TOKENS:
            self.close()
        elif self.pieces and not self._fits(piece):
            last = self.pieces[-1]
            repeats = len(self.pieces) > 1 and last.tokens <= OVERLAP_TOKENS and not last.opens
            self.close()
            if repeats and self.count(self.text[last.start : piece.end]) <= self.limit:
                self.pieces.append(last)
        self.pieces.append(piece)

    def close(self) -> None:
        """End the chunk. Pieces without a single token join the chunk before them, if any.

        Tokens add up if white space separates the pieces; the joined text is counted once, to be
        sure, and if the model would not read it whole, it becomes several chunks.
        """
        while self.pieces:
            fitting = self._fitting()
            start, end = self.pieces[0].start, self.pieces[fitting - 1].end
            if any(piece.tokens for piece in self.pieces[:fitting]):
                self.spans.append((start, end))
            elif self.spans:
                self.spans[-1] = (self.spans[-1][0], end)
            del self.pieces[:fitting]

    def _tokens(self) -> int:
        return sum(piece.tokens for piece in self.pieces)

    def _fits(self, piece: _Piece) -> bool:
        """Return whether the open chunk with `piece` is within the limit of tokens."""
        return self._tokens() + piece.tokens <= self.limit - self.special

    def _fitting(self) -> int:
        """Return how many of the pieces, from the first on, fit into the limit together."""
        fitting = len(self.pieces)
        start = self.pieces[0].start
        while fitting > 1:
            if self.count(self.text[start : self.pieces[fitting - 1].end]) <= self.limit:
                break
            fitting -= 1
        return fitting


def chunk_pages(pages: Iterable[Page], count: CountTokens, limit: int) -> Iterator[Chunk]:
    """Yield the chunks of `pages` in order, each of at most `limit` tokens by `count`.

    Together they have every visible character of every page that has a token at all. A page without
    a heading of its own continues under the last one before it, and so does a place that opens a
    passage without a heading, such as a part of a table. What is seen in a picture is a chunk.
    """
    n, heading = 0, ""
    for page in pages:
        if page.described:
            yield _picture_chunk(n, page)
            n += 1
        offsets = [offset for offset, _ in page.headings]
        for start, end in _read_spans(page, offsets, count, limit):
            place = bisect_right(offsets, max(start, end - 1))
            shown = (page.headings[place - 1][1] if place else "") or heading
            yield Chunk(
                n=n, page=page.page, heading=shown, start=start, end=end, text=page.text[start:end]
            )
            n += 1
        heading = (page.headings[-1][1] if page.headings else "") or heading


def _picture_chunk(n: int, page: Page) -> Chunk:
    """Return the chunk of what is seen in a picture, with its labels."""
    end = page.described
    text = page.text[:end]
    return Chunk(n=n, page=page.page, heading="", start=0, end=end, text=text, labels=page.labels)


def _read_spans(
    page: Page, headings: Sequence[int], count: CountTokens, limit: int
) -> Iterator[tuple[int, int]]:
    """Yield the spans of the text of a page behind what is seen on it."""
    first = page.described
    for start, end in _spans(page.text[first:], [at - first for at in headings], count, limit):
        yield start + first, end + first


def _spans(
    text: str, headings: Sequence[int], count: CountTokens, limit: int
) -> list[tuple[int, int]]:
    special = count("")
    packer = _Packer(text, count, limit, special)
    opening = set(headings)
    segments = split_segments(text)
    groups = iter(_groups(text, segments, headings, count, limit))
    group = next(groups, None)
    together: list[_Piece] = []
    for part in _parts(text, segments, headings):
        for span in _small(text, part, count, limit):
            tokens = count(text[span.start : span.end]) - special
            piece = _Piece(span.start, span.end, tokens, span.start in opening)
            while group is not None and group.end <= piece.start:
                group = next(groups, None)
            if group is None or piece.start < group.start:
                packer.take(piece)
                continue
            together.append(piece)
            if piece.end >= group.end:
                packer.take_group(together)
                together = []
    packer.close()
    return packer.spans


def _parts(text: str, segments: Sequence[Segment], headings: Sequence[int]) -> Iterator[TextSpan]:
    """Yield the text cut where a segment begins or ends, and before each heading."""
    cuts = {0, len(text), *headings}
    for segment in segments:
        cuts |= {segment.start, segment.end}
    for start, end in itertools.pairwise(sorted(cuts)):
        yield from _trimmed(text, start, end)


def _groups(
    text: str,
    segments: Sequence[Segment],
    headings: Sequence[int],
    count: CountTokens,
    limit: int,
) -> Iterator[TextSpan]:
    """Yield what belongs together and fits into a chunk, in order and without overlap.

    A heading opens a section even within a segment.
    """
    whole = [
        hull
        for hull in map(_hull(text), segments)
        if bisect_right(headings, hull.start) == bisect_left(headings, hull.end)
    ]
    hulls = sorted(
        [*whole, *_captioned(text, segments, set(headings))],
        key=lambda hull: (hull.start, -hull.end),
    )
    behind = 0
    for hull in hulls:
        if hull.start < behind or hull.end - hull.start > _MAX_GROUP:
            continue
        if count(text[hull.start : hull.end]) <= limit:
            yield hull
            behind = hull.end


def _hull(text: str) -> Callable[[Segment], TextSpan]:
    """Return a function that joins a segment with the context right before it."""

    def hull(segment: Segment) -> TextSpan:
        start = segment.start
        for span in reversed(segment.context):
            if text[span.end : start].strip():
                break
            start = span.start
        return TextSpan(start, segment.end)

    return hull


def _captioned(text: str, segments: Sequence[Segment], opening: set[int]) -> Iterator[TextSpan]:
    """Yield each table with a caption: from the caption to where the next passage opens."""
    caption, end = -1, 0
    for segment in segments:
        is_row = segment.kind in _TABLE_KINDS
        names_columns = segment.kind is SegmentKind.COLUMN_NAMES
        if caption >= 0 and (not is_row or names_columns):
            yield TextSpan(caption, end)
            caption = -1
        if names_columns and segment.context and segment.start in opening:
            caption = _hull(text)(segment).start
        end = segment.end
    if caption >= 0:
        yield TextSpan(caption, end)


def _small(text: str, part: TextSpan, count: CountTokens, limit: int) -> Iterator[TextSpan]:
    """Yield `part`, halved at a space if there is one, until each piece fits alone."""
    if part.end - part.start == 1 or count(text[part.start : part.end]) <= limit:
        yield part
        return
    middle = (part.start + part.end) // 2
    space = text.rfind(" ", part.start + 1, middle)
    cut = space if space > part.start else middle
    for start, end in ((part.start, cut), (cut, part.end)):
        for half in _trimmed(text, start, end):
            yield from _small(text, half, count, limit)


def _trimmed(text: str, start: int, end: int) -> Iterator[TextSpan]:
    """Yield the range without the white space around it, or nothing."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield TextSpan(start, end)
