"""Marks in an answer and the places in the documents that they stand for.

The `quote` of a citation is exactly the characters `start` to `end` of its page's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chalicelib.contracts import Citation, Hit
from chalicelib.retrieval.sentences import Span

_MARK = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")


@dataclass(frozen=True, slots=True)
class Source:
    """A sentence of a passage, that a claim can rest on."""

    passage: Hit
    span: Span
    text: str

    @property
    def place(self) -> tuple[str, str, int, int, int]:
        """Return what tells one source from another."""
        passage = self.passage
        start = passage.start + self.span.start
        end = passage.start + self.span.end
        return passage.document_id, passage.version, passage.page, start, end


def cited(claims: Iterable[tuple[str, Source]]) -> Iterator[tuple[str, Citation, bool]]:
    """Yield each claim as one line, its citation, and whether that is a new one.

    Claims that rest on the same sentence share a citation; they count from 1 in order of use.
    """
    known: dict[tuple[str, str, int, int, int], Citation] = {}
    for claim, source in claims:
        new = source.place not in known
        if new:
            known[source.place] = _citation(len(known) + 1, source)
        yield " ".join(claim.split()), known[source.place], new


def without_marks(text: str) -> str:
    """Return `text` without any `[n]`, for text whose marks are not ours."""
    return _MARK.sub("", text)


def _citation(n: int, source: Source) -> Citation:
    document_id, version, page, start, end = source.place
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
