"""Values that stand within sentences: their characters, and the words before and behind them.

Texts are those that the tagger finds likely. A date or an IBAN that is broken over the end of a
line is found in both lines together.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.extraction.document import Span
from chalicelib.extraction.layout.labels import LabelContext, Relation, plain_label
from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.span_tagger import SpanTagger, span_tagger
from chalicelib.extraction.text_parts import Part

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.layout.blocks import LayoutBlock
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueMatch, ValueReader

MAX_SPANS = 40
"""Spans of a page, at most: the likeliest."""
BROKEN_KINDS = frozenset({LeafKind.DATE, LeafKind.DATE_TIME, LeafKind.IBAN})
"""Kinds whose values have a form of their own, so that lines are not joined to one by chance."""
_MIN_WORDS, _MIN_LINE, _MIN_SENTENCE = 5, 4, 3
"""Words of a block that has sentences, of a line that goes on in the next, and of a sentence."""
_NEAR = 60
"""Characters before and behind a value that may name it."""
_BROKEN = 40
"""Characters at the end and at the beginning of lines in which a broken value may stand."""
_SENTENCE = re.compile(r"(?<=[^\W_]{4})(?:[.!?;؟]\s+|。\s*)(?=[^\W\d_])")
"""The end of a sentence, if no small letter follows; a point behind a short word is that of an
abbreviation."""
_TERM = re.compile(r"\s*[(\[（]([^()\[\]（）]{1,60})[)\]）]")  # noqa: RUF001 - brackets of CJK
_QUOTED = re.compile(r"[“„«\"'‘»「]([^“”„«»\"'‘’」]{2,40})[”“»\"'’«」]")  # noqa: RUF001 - as above


@dataclass(frozen=True, slots=True)
class SentenceSpan:
    """A value within a sentence: one span a line, and what may name it."""

    spans: tuple[Span, ...]
    likely: float
    labels: tuple[LabelContext, ...]


def sentence_spans(
    document: SourceDocument, blocks: Sequence[LayoutBlock], tagger: SpanTagger | None = None
) -> list[SentenceSpan]:
    """Return the likeliest spans within the sentences of a page, in the order of its text."""
    known = tagger or span_tagger()
    found: list[tuple[float, _BlockText, Part, Part]] = []
    for block in blocks:
        if len(block.text.split()) < max(_MIN_WORDS, _MIN_LINE * len(block.spans)):
            continue
        text = _BlockText(document, block)
        for start, end in text.sentences():
            sentence = text.text[start:end]
            if len(sentence.split()) < _MIN_SENTENCE:
                continue
            for each in known.spans(sentence):
                first, last = start + each.start, start + each.end
                if (first, last) != (start, end):
                    found.append((each.likely, text, (start, end), (first, last)))
    found.sort(key=lambda each: -each[0])
    likeliest = (
        SentenceSpan(text.spans(*value), likely, tuple(text.labels(sentence, value)))
        for likely, text, sentence, value in found[:MAX_SPANS]
    )
    return sorted(likeliest, key=lambda each: each.spans)


def broken_values(
    document: SourceDocument,
    blocks: Sequence[LayoutBlock],
    reader: ValueReader,
    hints: ReadingHints,
) -> Iterator[tuple[tuple[Span, Span], str, ValueMatch]]:
    """Yield the values that begin at the end of a line and end in the next one.

    Each is its spans, its text, and the match in this text.
    """
    for block in blocks:
        for above, below in pairwise(block.spans):
            one, other = document.text(above), document.text(below)
            if len(one.split()) < _MIN_LINE:
                continue
            skipped = max(0, len(one) - _BROKEN)
            size = len(one) - skipped
            joined = f"{one[skipped:]} {other[:_BROKEN]}"
            for match in reader.find(joined, hints):
                if match.start < size < match.end - 1 and match.valid is not False:
                    start = above.start + skipped + match.start
                    spans = (
                        Span(above.page, start, above.end),
                        Span(below.page, below.start, below.start + match.end - size - 1),
                    )
                    shown = joined[match.start : match.end]
                    yield spans, shown, replace(match, start=0, end=len(shown))


class _BlockText:
    """The lines of a block as one text, and where its characters stand in the document."""

    def __init__(self, document: SourceDocument, block: LayoutBlock) -> None:
        self._lines = block.spans
        texts = [document.text(span) for span in block.spans]
        self.text = " ".join(texts)
        self._begins: list[int] = []
        at = 0
        for text in texts:
            self._begins.append(at)
            at += len(text) + 1

    def sentences(self) -> Iterator[tuple[int, int]]:
        start = 0
        for found in _SENTENCE.finditer(self.text):
            if not self.text[found.end()].islower():
                yield start, found.start() + 1
                start = found.end()
        yield start, len(self.text)

    def spans(self, start: int, end: int) -> tuple[Span, ...]:
        """Return the span of each line between two offsets."""
        found = []
        for at in range(max(0, bisect_right(self._begins, start) - 1), len(self._lines)):
            begin, line = self._begins[at], self._lines[at]
            if begin >= end:
                break
            first, last = max(start, begin), min(end, begin + line.end - line.start)
            if first < last:
                found.append(Span(line.page, line.start + first - begin, line.start + last - begin))
        return tuple(found)

    def labels(self, sentence: tuple[int, int], value: tuple[int, int]) -> Iterator[LabelContext]:
        """Yield the words before a value in its sentence, and those behind or the term it gets."""
        before = self.text[max(sentence[0], value[0] - _NEAR) : value[0]]
        behind = self.text[value[1] : min(sentence[1], value[1] + _NEAR)]
        term = _TERM.match(behind)
        if term:
            quoted = _QUOTED.search(term[1])
            behind = quoted[1] if quoted else term[1]
        page, start, end = self.spans(*value)[0]
        around: tuple[tuple[str, int, Relation], ...] = (
            (before, start, "same_cell"),
            (behind, end, "behind"),
        )
        for text, place, relation in around:
            if label := plain_label(text):
                yield LabelContext(label, Span(page, place, place), relation, 0.0)
