"""Segments: what answers a question, with the context that it needs to be understood.

A segment is an exact slice of a text: a sentence, a named value, a term with its definition, a list
item, code, or a row of a table. Its context are other exact slices, such as the lead-in of a list,
the header of a table, or the sentence before one that begins with a pronoun. A statement joins the
two to one text that is understood alone.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.retrieval.text.lines import key_length, marker_length
from chalicelib.retrieval.text.sentences import TextSpan, describe_row, is_row

_ENDS = ".:;!?…,。：；"  # noqa: RUF001
_MARGIN = re.compile(r"^[ \t]*(?:>[ \t]?)+|^[ \t]*(?:#{1,6}|;+|//+|--|%+|\.\.)[ \t]+", re.MULTILINE)
_UNDERLINE = re.compile(r"\n[ \t]*([-=~^\"'`+*_#:.])\1+\s*$")


class SegmentKind(enum.StrEnum):
    """The kind of a segment."""

    SENTENCE = "sentence"
    FIELD = "field"
    DEFINITION = "definition"
    ITEM = "item"
    LIST = "list"
    CODE = "code"
    ROW = "row"
    HEADING = "heading"
    LEAD_IN = "lead-in"
    """A sentence that announces what follows it."""
    TERM = "term"
    """A term whose definition is too long for one segment."""
    COLUMN_NAMES = "column names"
    RULE = "rule"


STATING_KINDS = frozenset(
    {
        SegmentKind.SENTENCE,
        SegmentKind.FIELD,
        SegmentKind.DEFINITION,
        SegmentKind.ITEM,
        SegmentKind.LIST,
        SegmentKind.CODE,
        SegmentKind.ROW,
    }
)
"""Kinds that can state something; the others only say what is stated around them."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The slice from `start` to `end`, and the slices that it needs, in their order."""

    start: int
    end: int
    kind: SegmentKind
    context: tuple[TextSpan, ...] = ()

    @property
    def span(self) -> TextSpan:
        """Return the range of the segment."""
        return TextSpan(self.start, self.end)


def statement_of(text: str, segment: Segment) -> str:
    """Return what a segment of `text` states, together with its context.

    A sentence without context is returned as it is. A table row has the name of its column before
    each cell. Bullets and the marks of quotations and comments are left out.
    """
    own = text[segment.start : segment.end]
    contexts = [text[span.start : span.end] for span in segment.context]
    match segment.kind:
        case SegmentKind.ROW:
            header = contexts.pop() if contexts and is_row(contexts[-1]) else ""
            return join_texts([*map(_plain, contexts), describe_row(header, own)])
        case SegmentKind.LIST:
            return join_texts([*map(_plain, contexts), _list(own)])
        case SegmentKind.DEFINITION:
            term, _, body = own.partition("\n")
            return join_texts([*map(_plain, contexts), _plain(term), _list(body)])
        case SegmentKind.CODE:
            return join_texts([*map(_plain, contexts), " ".join(own.split())])
        case SegmentKind.SENTENCE if not contexts and not _MARGIN.search(own):
            return own
        case _:
            return join_texts([*map(_plain, contexts), _plain(own)])


def join_texts(parts: Iterable[str]) -> str:
    """Return texts joined to one: a colon follows a text that has no mark at its end."""
    joined = ""
    for part in parts:
        if not part:
            continue
        if joined:
            joined += " " if joined[-1] in _ENDS else ": "
        joined += part
    return joined


def _plain(text: str) -> str:
    """Return `text` in one line, without bullet, underline, and marks at the margin."""
    text = _MARGIN.sub("", _UNDERLINE.sub("", text)).strip()
    return " ".join(text[marker_length(text) :].split())


def _list(text: str) -> str:
    """Return lines with their items joined by semicolons."""
    joined = ""
    for line in text.split("\n"):
        plain = _plain(line)
        if not plain:
            continue
        is_item = marker_length(line.strip()) > 0 or key_length(plain) > 0
        if joined and is_item and joined[-1] not in _ENDS:
            joined += ";"
        joined += f" {plain}" if joined else plain
    return joined
