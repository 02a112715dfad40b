"""Citations of claims: the numbered marks in an answer, and the spans that they refer to.

The `quote` of a citation is exactly the characters `start` to `end` of its page's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.contracts.answers import Citation
from chalicelib.retrieval.text.sentences import describe_row, table_header

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.text.sentences import TextSpan


_MARK = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")


@dataclass(frozen=True)
class SourceSentence:
    """A sentence or table row of a passage that a claim can cite."""

    passage: Hit
    span: TextSpan
    text: str

    @property
    def position(self) -> tuple[str, str, int, int, int]:
        """Return document, version, page, start and end, which identify the source."""
        passage = self.passage
        start = passage.start + self.span.start
        end = passage.start + self.span.end
        return passage.document_id, passage.version, passage.page, start, end

    @cached_property
    def header(self) -> SourceSentence | None:
        """Return the row that names the columns, where this is a row under one."""
        span = table_header(self.passage.text, self.span)
        return (
            SourceSentence(self.passage, span, self.passage.text[span.start : span.end])
            if span
            else None
        )

    @cached_property
    def statement(self) -> str:
        """Return the sentence by itself; a table row with its column names."""
        return describe_row(self.header.text, self.text) if self.header else self.text


@dataclass(frozen=True, slots=True)
class CitedClaim:
    """A claim as one line, its citations, and those of them that are new with it."""

    claim: str
    citations: tuple[Citation, ...]
    new_citations: tuple[Citation, ...]


def cite_claims(claims: Iterable[tuple[str, SourceSentence]]) -> Iterator[CitedClaim]:
    """Yield each claim with its citations.

    Claims that rest on the same sentence share a citation; they count from 1 in order of use. A
    claim that says what the cells of a row are cites the header, too.
    """
    known: dict[tuple[str, str, int, int, int], Citation] = {}
    for claim, source in claims:
        before = len(known)
        named = source.header if claim == source.statement else None
        sources = (source, named) if named else (source,)
        for each in sources:
            known.setdefault(each.position, _citation(len(known) + 1, each))
        citations = tuple(known[each.position] for each in sources)
        new = tuple(citation for citation in citations if citation.n > before)
        yield CitedClaim(" ".join(claim.split()), citations, new)


def strip_marks(text: str) -> str:
    """Return `text` without any `[n]`, for text whose marks are not ours."""
    return _MARK.sub("", text)


def _citation(n: int, source: SourceSentence) -> Citation:
    document_id, version, page, start, end = source.position
    return Citation(
        n=n,
        document_id=document_id,
        version=version,
        path=source.passage.path,
        page=page,
        start=start,
        end=end,
        quote=source.text,
    )


def is_quoted_verbatim(source: SourceSentence, passages: Sequence[Hit]) -> bool:
    """Say whether the quote of `source` is what its page says, with nothing blanked in it.

    `passages` are as they were found.
    """
    _, _, page, start, end = source.position
    for passage in passages:
        if (passage.document_id, passage.page) == (source.passage.document_id, page):
            quoted = passage.text[start - passage.start : end - passage.start]
            if passage.start <= start and end <= passage.end:
                return quoted == source.text
    return False
