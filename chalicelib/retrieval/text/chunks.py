"""Splitting of pages into chunks: passages that an embedding model can read whole.

A chunk is an exact slice of its page, cut between sentences. It begins at a heading unless that
would leave tiny chunks, and repeats the last short sentence of the chunk before it, so that a
statement on the border is found from both sides.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.contracts.ingest import Chunk, Page
from chalicelib.retrieval.text.sentences import TextSpan, split_sentences

MIN_SECTION_TOKENS = 24
"""A section with fewer tokens than this is joined with what follows."""

OVERLAP_TOKENS = 40
"""The most tokens of a sentence that is repeated in the next chunk."""

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
    passage without a heading, such as a part of a table.
    """
    n, heading = 0, ""
    for page in pages:
        offsets = [offset for offset, _ in page.headings]
        for start, end in _spans(page.text, offsets, count, limit):
            place = bisect_right(offsets, max(start, end - 1))
            shown = (page.headings[place - 1][1] if place else "") or heading
            yield Chunk(
                n=n, page=page.page, heading=shown, start=start, end=end, text=page.text[start:end]
            )
            n += 1
        heading = (page.headings[-1][1] if page.headings else "") or heading


def _spans(
    text: str, headings: Sequence[int], count: CountTokens, limit: int
) -> list[tuple[int, int]]:
    special = count("")
    packer = _Packer(text, count, limit, special)
    opening = set(headings)
    for sentence in split_sentences(text):
        for part in _parted(text, sentence, headings):
            for piece in _small(text, part, count, limit):
                tokens = count(text[piece.start : piece.end]) - special
                packer.take(_Piece(piece.start, piece.end, tokens, piece.start in opening))
    packer.close()
    return packer.spans


def _parted(text: str, sentence: TextSpan, headings: Sequence[int]) -> Iterator[TextSpan]:
    """Yield `sentence`, cut before each heading inside it."""
    first, behind = bisect_right(headings, sentence.start), bisect_left(headings, sentence.end)
    cuts = headings[first:behind]
    bounds = [sentence.start, *cuts, sentence.end]
    for start, end in itertools.pairwise(bounds):
        yield from _trimmed(text, start, end)


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
