"""Citations of claims: the numbered marks in an answer, and the spans that they refer to.

The `quote` of a citation is exactly the characters from `start` to `end` of its page's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.contracts.answers import UNSUPPORTED_MARK, Citation
from chalicelib.retrieval.text.segments import Segment, SegmentKind, statement_of
from chalicelib.retrieval.text.sentences import is_row, table_header
from chalicelib.retrieval.text.timelines import quote_time

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.text.sentences import TextSpan


_MARK = re.compile(rf"\s*(?:\[\d+(?:\s*,\s*\d+)*\]|{re.escape(UNSUPPORTED_MARK)})")


@dataclass(frozen=True)
class SourceSentence:
    """A segment of a passage that a claim can cite, with the context that it needs.

    `context` are spans of the passage, before the segment. Without `kind`, the segment is a
    sentence or a table row, and the row's header is its context.
    """

    passage: Hit
    span: TextSpan
    text: str
    context: tuple[TextSpan, ...] = ()
    kind: SegmentKind | None = None

    @property
    def position(self) -> tuple[str, str, int, int, int]:
        """Return document, version, page, start and end, which identify the source."""
        passage = self.passage
        start = passage.start + self.span.start
        end = passage.start + self.span.end
        return passage.document_id, passage.version, passage.page, start, end

    @cached_property
    def segment(self) -> Segment:
        """Return the segment of the passage's text."""
        if self.kind is not None:
            return Segment(self.span.start, self.span.end, self.kind, self.context)
        header = table_header(self.passage.text, self.span)
        kind = SegmentKind.ROW if header else SegmentKind.SENTENCE
        return Segment(self.span.start, self.span.end, kind, (header,) if header else ())

    @cached_property
    def context_sources(self) -> tuple[SourceSentence, ...]:
        """Return the slices of the passage that the statement is joined with, in their order."""
        text = self.passage.text
        return tuple(
            SourceSentence(
                self.passage, span, text[span.start : span.end], (), SegmentKind.SENTENCE
            )
            for span in self.segment.context
        )

    @property
    def header(self) -> SourceSentence | None:
        """Return the row with the column names if this is a row of a table under one."""
        above = self.context_sources[-1:]
        return above[0] if above and is_row(above[0].text) else None

    @cached_property
    def statement(self) -> str:
        """Return what the segment states together with its context."""
        return statement_of(self.passage.text, self.segment)


@dataclass(frozen=True, slots=True)
class CitedClaim:
    """A claim on one line, its citations, and those of them that no earlier claim used."""

    claim: str
    citations: tuple[Citation, ...]
    new_citations: tuple[Citation, ...]


def cite_claims(claims: Iterable[tuple[str, SourceSentence | None]]) -> Iterator[CitedClaim]:
    """Yield each claim with its citations; a claim without a source has none.

    Claims with the same source share a citation; citations are numbered from 1 in order of first
    use. A claim that is a source's statement also cites the context that it is joined with, such
    as the header of a table row.
    """
    known: dict[tuple[str, str, int, int, int], Citation] = {}
    for claim, source in claims:
        before = len(known)
        context = source.context_sources if source and claim == source.statement else ()
        sources = [each for each in (source, *context) if each is not None]
        for cited in sources:
            known.setdefault(cited.position, cite_source(len(known) + 1, cited))
        citations = tuple(known[cited.position] for cited in sources)
        new = tuple(citation for citation in citations if citation.n > before)
        yield CitedClaim(" ".join(claim.split()), citations, new)


def strip_marks(text: str) -> str:
    """Return `text` without marks `[n]` and `[unsupported]`, which are not ours in this text."""
    return _MARK.sub("", text)


def cite_source(n: int, source: SourceSentence) -> Citation:
    """Return the citation number `n`, of `source`."""
    document_id, version, page, start, end = source.position
    time = quote_time(source.passage, start, end)
    return Citation(
        n=n,
        document_id=document_id,
        version=version,
        path=source.passage.path,
        page=page,
        start=start,
        end=end,
        quote=source.text,
        start_ms=time.start_ms if time else None,
        end_ms=time.end_ms if time else None,
        speaker=time.speaker if time else None,
    )


def is_quoted_verbatim(source: SourceSentence, passages: Sequence[Hit]) -> bool:
    """Return whether the quotes of `source` are exactly what its page says, nothing blanked.

    `passages` are those that the search returned, before anything was blanked.
    """
    return all(_is_on_page(cited, passages) for cited in (source, *source.context_sources))


def _is_on_page(source: SourceSentence, passages: Sequence[Hit]) -> bool:
    _, _, page, start, end = source.position
    for passage in passages:
        if (passage.document_id, passage.page) == (source.passage.document_id, page):
            quoted = passage.text[start - passage.start : end - passage.start]
            if passage.start <= start and end <= passage.end:
                return quoted == source.text
    return False
