"""Join the parts of a large file into `pages.jsonl`, `words.jsonl` and `chunks.jsonl`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import Chunk, Page
from chalicelib.contracts.jsonl import whole_lines
from chalicelib.contracts.page_times import PageTimes
from chalicelib.contracts.parts import MAX_PARTS, EmbeddingPart, GatherPartsRequest, PartDone
from chalicelib.errors import Conflict
from chalicelib.retrieval.ids import chunks_key, pages_key, times_key, words_key
from functions.gather_parts.speakers import Numbers, renumbered

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects

EMBEDDING_CHUNKS = 500
"""Chunks that one worker embeds: as many as one call puts, which takes ten seconds."""

_PAGE = re.compile(rb'\{"page":(\d+),')
_NUMBER = re.compile(rb'\{"n":(\d+),')
_WITHOUT_HEADINGS = b'"headings":[]'
"""No text of a page has these bytes: its quotation marks are escaped."""
_WITHOUT_HEADING = b'"heading":"",'


@dataclass(slots=True)
class PartJoiner:
    """Joins the parts in their order, and checks their lines against their stated counts."""

    request: GatherPartsRequest
    parts: Sequence[PartDone]
    objects: LargeObjects
    speakers: Mapping[int, Numbers] = field(default_factory=dict)
    """Numbers of the speakers in a whole recording, by part."""
    last_headings: list[str] = field(default_factory=list)
    """The last heading in each part, "" if it has none."""
    embedding: list[EmbeddingPart] = field(default_factory=list)
    """The parts in which to embed the chunks, known once these are joined."""

    def pages(self) -> Iterator[bytes]:
        """Yield the lines of all pages, whose numbers must be consecutive.

        Raises:
            Conflict: a page is missing.
        """
        number = 0
        for part in self.parts:
            headed = b""
            for line in self._lines(pages_key(*self._place, part.part), part.pages):
                number += 1
                self._check_number(line, number, part)
                headed = headed if _WITHOUT_HEADINGS in line else line
                yield line + b"\n"
            last = Page.model_validate_json(headed).headings[-1][1] if headed else ""
            self.last_headings.append(last)

    def words(self) -> Iterator[bytes]:
        """Yield the lines of the words of all pages, whose numbers must be consecutive.

        Raises:
            Conflict: those of a page are missing.
        """
        for part in self.parts:
            yield from self._numbered(words_key(*self._place, part.part), part, part.words)

    def times(self) -> Iterator[bytes]:
        """Yield the lines of the times of all pages of a recording, as `words` does."""
        for part in self.parts:
            numbers = self._renumbering(part)
            for line in self._numbered(times_key(*self._place, part.part), part, part.times):
                yield _renumbered_times(line, numbers) if numbers else line

    def chunks(self, total: int) -> Iterator[bytes]:
        """Yield the lines of the `total` chunks, renumbered; must be called after `pages`.

        Raises:
            Conflict: a chunk is missing.
        """
        part_size = max(EMBEDDING_CHUNKS, -(-total // MAX_PARTS))
        first = number = start = end = 0
        for line in itertools.chain.from_iterable(map(self._headed, self.parts, self._headings())):
            match = _NUMBER.match(line)
            if match is None:
                raise Conflict(f"A line is no chunk where chunk {number} was.")
            numbered = b'{"n":%d,' % number + line[match.end() :] + b"\n"
            number, end = number + 1, end + len(numbered)
            yield numbered
            if number - first == part_size or number == total:
                self._embed(first, number - first, start, end)
                first, start = number, end

    def _numbered(self, key: str, part: PartDone, expected: int) -> Iterator[bytes]:
        """Yield the lines of one part that go with its pages, one for each."""
        for number, line in enumerate(self._lines(key, expected), self._first_page(part)):
            self._check_number(line, number, part)
            yield line + b"\n"

    def _first_page(self, part: PartDone) -> int:
        return 1 + sum(each.pages for each in self.parts[: part.part - 1])

    @staticmethod
    def _check_number(line: bytes, number: int, part: PartDone) -> None:
        match = _PAGE.match(line)
        if match is None or int(match[1]) != number:
            raise Conflict(f"Part {part.part} has another page where page {number} was.")

    def _headed(self, part: PartDone, heading: str) -> Iterator[bytes]:
        """Yield the lines of a part's chunks, with `heading` for those before its first heading.

        A part does not know the heading under which the part before it ended.
        """
        numbers = self._renumbering(part)
        for stored in self._lines(chunks_key(*self._place, part.part), part.chunks):
            line = _renumbered_chunk(stored, numbers) if numbers else stored
            if heading and _WITHOUT_HEADING in line:
                chunk = Chunk.model_validate_json(line)
                yield chunk.model_copy(update={"heading": heading}).model_dump_json().encode()
            else:
                heading = ""
                yield line

    def _renumbering(self, part: PartDone) -> Numbers:
        """Return the numbers of a part's speakers, none if they are those of the recording."""
        numbers = self.speakers.get(part.part, {})
        return numbers if any(one != other for one, other in numbers.items()) else {}

    def _headings(self) -> Iterator[str]:
        """Yield, for each part, the heading that it begins under."""
        heading = ""
        for last in self.last_headings:
            yield heading
            heading = last or heading

    def _embed(self, first: int, count: int, start: int, end: int) -> None:
        number = len(self.embedding) + 1
        self.embedding.append(
            EmbeddingPart(part=number, first_chunk=first, chunks=count, start=start, end=end)
        )

    def _lines(self, key: str, expected: int) -> Iterator[bytes]:
        """Yield the lines of one part's file; raise `Conflict` unless there are `expected`."""
        count = 0
        for line in whole_lines(self.objects.stream(self.request.bucket, key)):
            count += 1
            yield line
        if count != expected:
            raise Conflict(f"{key} has {count} lines; its part said {expected}.")

    @property
    def _place(self) -> tuple[str, str, str]:
        return self.request.tenant, self.request.document_id, self.request.version


def _renumbered_times(line: bytes, numbers: Numbers) -> bytes:
    page = PageTimes.model_validate_json(line)
    spans = tuple(span._replace(speaker=renumbered(span.speaker, numbers)) for span in page.spans)
    return page.model_copy(update={"spans": spans}).model_dump_json().encode() + b"\n"


def _renumbered_chunk(line: bytes, numbers: Numbers) -> bytes:
    chunk = Chunk.model_validate_json(line)
    timeline = tuple(
        point.model_copy(update={"speaker": renumbered(point.speaker, numbers)})
        for point in chunk.timeline
    )
    return chunk.model_copy(update={"timeline": timeline}).model_dump_json().encode()
