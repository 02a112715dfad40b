"""The page of a part of a recording: what is said in it, with the time of each word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.page_times import PageTimes, TimedSpan

if TYPE_CHECKING:
    from chalicelib.contracts.parts import Part
    from chalicelib.contracts.speech import SpeechSegment, SpokenWord, Transcript

PAUSE_MS = 2_000
LONG_PAUSE_MS = 6_000
"""Silence after which a paragraph begins: behind the end of a sentence, and anywhere."""
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001 - of Chinese and Japanese
_PARAGRAPH = "\n\n"


def speech_page(part: Part, spoken: Transcript) -> tuple[Page, PageTimes]:
    """Return the page of a part, and when its words are said.

    A paragraph ends at a pause or where another voice begins. A part without speech has the
    description of the recording as its text, if it is the first one, or none.
    """
    text, spans = part.description, list[TimedSpan]()
    before: SpeechSegment | None = None
    for segment in spoken.segments:
        text += _separator(text, before, segment)
        for word in segment.words:
            said = word.text.strip()
            if not said:
                continue
            if spans and word.speaker != spans[-1].speaker and text.endswith(_SENTENCE_ENDS):
                text += _PARAGRAPH
            text += " " if word.text[:1].isspace() and text and not text[-1].isspace() else ""
            start = len(text)
            text += said
            spans.append(_span(word, start, len(text)))
        before = segment
    page = Page(page=part.first_page, text=text, described=len(part.description))
    times = PageTimes(
        page=part.first_page,
        kind="speech",
        start_ms=part.start_ms,
        end_ms=part.end_ms,
        spans=tuple(spans),
    )
    return page, times


def _span(word: SpokenWord, start: int, end: int) -> TimedSpan:
    confidence = round(word.probability, 2)
    return TimedSpan(start, end, word.start_ms, word.end_ms, confidence, word.speaker)


def _separator(text: str, before: SpeechSegment | None, segment: SpeechSegment) -> str:
    if not text:
        return ""
    if before is None or segment.speaker != before.speaker:
        return _PARAGRAPH
    pause = segment.start_ms - before.end_ms
    ended = text.rstrip().endswith(_SENTENCE_ENDS)
    return _PARAGRAPH if pause >= (PAUSE_MS if ended else LONG_PAUSE_MS) else ""
