"""Segmentation of a text into what belongs together.

A segment has at most `MAX_SEGMENT` characters. Structure decides, not vocabulary; the one list of
words is of pronouns. Segments may overlap: a short list is one, and so is each of its items.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.retrieval.text.lines import key_length, marker_length
from chalicelib.retrieval.text.pronouns import opens_with_pronoun
from chalicelib.retrieval.text.segments import Segment, SegmentKind
from chalicelib.retrieval.text.sentences import TextSpan, is_rule, split_sentences
from chalicelib.retrieval.text.text_units import TextUnit, UnitKind, text_units

MAX_SEGMENT = 600
MAX_CONTEXT = 300
"""The most characters of each span of context; of a longer one the last sentence is taken."""
MAX_CONTEXTS = 4
_MAX_LABEL = 100
_MARGIN = re.compile(r"^[ \t]*(?:[>#;%]+|/{2,}|--|\.\.|/\*+)", re.MULTILINE)
_LEAD_IN_ENDS = (":", "：")  # noqa: RUF001
_SENTENCE_ENDS = (*_LEAD_IN_ENDS, ".", "!", "?", ";", ",", "。", "…")


def split_segments(text: str) -> list[Segment]:
    """Return the segments of `text`, by where they begin, the longest first.

    They begin and end with a visible character, and together hold every visible character.
    """
    segmenter = _Segmenter(text, text_units(text))
    segmenter.run()
    distinct = {(segment.start, -segment.end): segment for segment in reversed(segmenter.segments)}
    return [distinct[place] for place in sorted(distinct)]


@dataclass(slots=True)
class _Segmenter:
    """Turns units into segments; `parents` are those in whose scope the current unit is."""

    text: str
    units: Sequence[TextUnit]
    segments: list[Segment] = field(default_factory=list)
    parents: list[tuple[int, TextSpan]] = field(default_factory=list)
    """Indents and spans of terms, keys and items, the outermost first."""
    lead: TextSpan | None = None
    """The sentence that announces the items that follow."""
    lead_indent: int = 0
    listed: TextSpan | None = None
    """The lead-in and the items below it, as far as they were read."""
    section: TextSpan | None = None
    comment: TextSpan | None = None
    header: TextSpan | None = None
    caption: TextSpan | None = None

    def run(self) -> None:
        for at, unit in enumerate(self.units):
            before = self.units[at - 1] if at else None
            is_listed = self._enter(unit, before)
            self._take(at, unit, before)
            if is_listed and self.lead is not None:
                self.listed = TextSpan(self.lead.start, unit.end)
            self._leave(unit)
        self._end_list()

    def _enter(self, unit: TextUnit, before: TextUnit | None) -> bool:
        """Leave the scopes that end before `unit`; return whether a lead-in announces it."""
        while self.parents and self.parents[-1][0] >= unit.indent:
            self.parents.pop()
        if unit.kind is UnitKind.SECTION or unit.kind is UnitKind.HEADING:
            self.section = None
            self.parents.clear()
        is_listed = self.lead is not None and self._is_listed(unit, before)
        if self.lead is not None and not is_listed:
            self._end_list()
        if unit.kind is not UnitKind.ROW and unit.kind is not UnitKind.RULE:
            self.header = self.caption = None
        return is_listed

    def _is_listed(self, unit: TextUnit, before: TextUnit | None) -> bool:
        """Return whether `unit` is among what the lead-in announces."""
        if unit.kind in {UnitKind.HEADING, UnitKind.SECTION}:
            return False
        if before is not None and self.lead is not None and before.end == self.lead.end:
            return True
        if unit.indent > self.lead_indent or (self.listed is not None and not unit.gap):
            return True
        return unit.kind is UnitKind.ITEM and unit.indent == self.lead_indent

    def _take(self, at: int, unit: TextUnit, before: TextUnit | None) -> None:
        match unit.kind:
            case UnitKind.HEADING | UnitKind.SECTION:
                self._add_pieces(unit.start, unit.end, SegmentKind.HEADING)
            case UnitKind.RULE:
                self._add_pieces(unit.start, unit.end, SegmentKind.RULE)
            case UnitKind.ROW:
                self._take_row(at, unit, before)
            case UnitKind.KEY:
                self._add(unit.start, unit.end, SegmentKind.LEAD_IN, self._scope())
            case UnitKind.TERM:
                self._take_term(at, unit)
            case UnitKind.CODE:
                self._take_code(unit, before)
            case UnitKind.FIELD | UnitKind.COLUMNS:
                self._take_field(unit)
            case UnitKind.ITEM:
                self._take_item(unit, before)
            case _:
                self._take_prose(at, unit, before)

    def _leave(self, unit: TextUnit) -> None:
        """Open the scope that `unit` begins, if it does."""
        span = TextSpan(unit.start, unit.end)
        self.comment = span if unit.kind is UnitKind.COMMENT else None
        if unit.kind is UnitKind.SECTION:
            self.section = self._bounded(span)
        elif unit.kind in {UnitKind.TERM, UnitKind.ITEM}:
            self.parents.append((unit.indent, self._bounded(span)))
        elif unit.kind is UnitKind.KEY:
            self.parents.append((unit.indent, self._bounded(span)))
            self._begin_list(self._bounded(span), unit)
        elif unit.kind is UnitKind.PROSE:
            last = self.segments[-1]
            if self.text[last.end - 1] in _LEAD_IN_ENDS:
                self._begin_list(last.span, unit)

    def _begin_list(self, lead: TextSpan, unit: TextUnit) -> None:
        if self.lead is not None and unit.indent > self.lead_indent:
            return
        self._end_list()
        self.lead, self.lead_indent, self.listed = lead, unit.indent, None

    def _end_list(self) -> None:
        """Add the whole list, if it is short enough."""
        if self.listed is not None and self.listed.end - self.listed.start <= MAX_SEGMENT:
            self._add(self.listed.start, self.listed.end, SegmentKind.LIST)
        self.lead = self.listed = None

    def _scope(self) -> list[TextSpan]:
        """Return the context that the outline around the current unit gives."""
        spans = [span for _, span in self.parents[-MAX_CONTEXTS:]]
        if self.lead is not None and self.lead not in spans:
            spans = [self.lead, *spans]
        return sorted(spans, key=lambda span: span.start)

    def _take_row(self, at: int, unit: TextUnit, before: TextUnit | None) -> None:
        if before is None or before.kind is not UnitKind.ROW or unit.gap:
            self.header, self.caption = None, self._caption(unit, before)
            following = self.units[at + 1] if at + 1 < len(self.units) else None
            if following is not None and not following.gap and self._is_row_rule(following):
                self.header = self._bounded(TextSpan(unit.start, unit.end))
                caption = [self.caption] if self.caption else []
                self._add_pieces(unit.start, unit.end, SegmentKind.COLUMN_NAMES, caption)
                return
        if before is not None and self.header and before.start == self.header.start:
            self._add_pieces(unit.start, unit.end, SegmentKind.RULE)
            return
        context = [span for span in (self.caption, self.header) if span]
        self._add_pieces(unit.start, unit.end, SegmentKind.ROW, context)

    def _is_row_rule(self, unit: TextUnit) -> bool:
        return unit.kind is UnitKind.ROW and is_rule(self.text[unit.start : unit.end])

    def _caption(self, unit: TextUnit, before: TextUnit | None) -> TextSpan | None:
        """Return the one line or the lead-in right above a table."""
        if before is None or not unit.gap or before.kind not in {UnitKind.PROSE, UnitKind.FIELD}:
            return None
        if self.lead is not None and self.lead.end == before.end:
            return self.lead
        is_line = before.lines == 1 and before.end - before.start <= MAX_CONTEXT
        return TextSpan(before.start, before.end) if is_line else None

    def _take_term(self, at: int, unit: TextUnit) -> None:
        """Add a term with the first paragraph of its definition, whole if it is short."""
        end = unit.end
        for following in self.units[at + 1 :]:
            if following.gap or following.indent <= unit.indent:
                break
            if following.end - unit.start > MAX_SEGMENT:
                end = unit.end
                break
            end = following.end
        kind = SegmentKind.DEFINITION if end > unit.end else SegmentKind.TERM
        self._add_pieces(unit.start, unit.end, SegmentKind.TERM, self._scope())
        if end > unit.end:
            self._add(unit.start, end, kind, self._scope())

    def _take_code(self, unit: TextUnit, before: TextUnit | None) -> None:
        """Add code with the sentence before it, as one segment if both are short."""
        intro = None
        if before is not None and before.kind in {UnitKind.PROSE, UnitKind.KEY}:
            intro = self._bounded(TextSpan(before.start, before.end))
        if intro is not None and unit.end - intro.start <= MAX_SEGMENT:
            self._add(intro.start, unit.end, SegmentKind.CODE, self._outer(intro))
        else:
            self._add_pieces(unit.start, unit.end, SegmentKind.CODE, [intro] if intro else [])

    def _outer(self, intro: TextSpan) -> list[TextSpan]:
        return [span for span in self._scope() if span.end <= intro.start]

    def _take_field(self, unit: TextUnit) -> None:
        context = [self.section] if self.section else []
        context += self._scope() + ([self.comment] if self.comment else [])
        size = unit.end - unit.start
        sentences = split_sentences(self.text[unit.start : unit.end])
        if len(sentences) == 1 or (size <= MAX_CONTEXT and unit.column) or size <= MAX_CONTEXT // 2:
            self._add_pieces(unit.start, unit.end, SegmentKind.FIELD, context)
            return
        length = unit.column or key_length(unit.head)
        key = TextSpan(unit.start, unit.start + len(unit.head[:length].rstrip()))
        for number, sentence in enumerate(sentences):
            start, end = unit.start + sentence.start, unit.start + sentence.end
            own = context if number == 0 or start < key.end else [*context, key]
            self._add(start, end, SegmentKind.FIELD, own)

    def _take_item(self, unit: TextUnit, before: TextUnit | None) -> None:
        context = self._scope() or self._label(before, unit)
        sentences = self._sentences(unit)
        for number, sentence in enumerate(sentences):
            own = list(context)
            if number and opens_with_pronoun(self.text[sentence.start : sentence.end]):
                own.append(sentences[number - 1])
            self._add(sentence.start, sentence.end, SegmentKind.ITEM, own)

    def _label(self, before: TextUnit | None, unit: TextUnit) -> list[TextSpan]:
        """Return the line without an end mark above a list; items after the first share it."""
        if before is None:
            return []
        if before.kind is UnitKind.ITEM and before.indent == unit.indent:
            last = self.segments[-1]
            return [span for span in last.context if span.end <= before.start]
        is_title = before.kind is UnitKind.HEADING or (
            before.kind is UnitKind.PROSE
            and before.lines == 1
            and before.end - before.start <= _MAX_LABEL
            and self.text[before.end - 1] not in _SENTENCE_ENDS
        )
        return [TextSpan(before.start, before.end)] if is_title else []

    def _take_prose(self, at: int, unit: TextUnit, before: TextUnit | None) -> None:
        context = self._scope()
        sentences = self._sentences(unit)
        for number, sentence in enumerate(sentences):
            own = list(context)
            text = self.text[sentence.start : sentence.end]
            announces = (
                number + 1 == len(sentences)
                and text[-1] in _LEAD_IN_ENDS
                and at + 1 < len(self.units)
                and unit.kind is UnitKind.PROSE
            )
            kind = SegmentKind.LEAD_IN if announces else SegmentKind.SENTENCE
            if number and opens_with_pronoun(text):
                own.append(sentences[number - 1])
            self._add(sentence.start, sentence.end, kind, own)

    def _sentences(self, unit: TextUnit) -> list[TextSpan]:
        """Return the sentences of a unit; marks at the margin belong to what follows them."""
        own = self.text[unit.start : unit.end]
        if unit.kind is UnitKind.ITEM:
            marker = marker_length(own)
            masked = " " * marker + own[marker:]
        elif unit.kind in {UnitKind.QUOTE, UnitKind.COMMENT}:
            masked = _MARGIN.sub(lambda match: " " * len(match.group()), own)
        else:
            return _shifted(split_sentences(own), unit.start)
        ends = [span.end for span in split_sentences(masked)] or [len(own)]
        starts = [0, *ends[:-1]]
        spans = [
            TextSpan(start + len(own[start:end]) - len(own[start:end].lstrip()), end)
            for start, end in zip(starts, [*ends[:-1], len(own)], strict=True)
        ]
        return [
            piece
            for span in spans
            for piece in (
                _shifted([span], unit.start)
                if span.end - span.start <= MAX_SEGMENT
                else _shifted(split_sentences(own[span.start : span.end]), unit.start + span.start)
            )
        ]

    def _bounded(self, span: TextSpan) -> TextSpan:
        """Return `span`, or its last sentence if it is too long for a context."""
        if span.end - span.start <= MAX_CONTEXT:
            return span
        last = split_sentences(self.text[span.start : span.end])[-1]
        return TextSpan(span.start + last.start, span.start + last.end)

    def _add_pieces(
        self, start: int, end: int, kind: SegmentKind, context: Sequence[TextSpan] = ()
    ) -> None:
        """Add a range as one segment, or as several if it is too long."""
        if end - start <= MAX_SEGMENT:
            self._add(start, end, kind, context)
            return
        for span in split_sentences(self.text[start:end]):
            self._add(start + span.start, start + span.end, kind, context)

    def _add(
        self, start: int, end: int, kind: SegmentKind, context: Sequence[TextSpan] = ()
    ) -> None:
        kept = tuple(context[-MAX_CONTEXTS:])
        self.segments.append(Segment(start, end, kind, kept))


def _shifted(spans: Sequence[TextSpan], by: int) -> list[TextSpan]:
    return [TextSpan(span.start + by, span.end + by) for span in spans]
