"""The outline of a transcript: chapters with their titles, and sentences that sum them up."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.contracts.outlines import Chapter, Outline
from chalicelib.retrieval.text.central_sentences import central_sentences
from chalicelib.retrieval.text.chapters import chapter_starts, chapter_titles, sentence_terms
from chalicelib.retrieval.text.spoken_sentences import spoken_sentences

if TYPE_CHECKING:
    from chalicelib.contracts.speech import SpeechSegment

SENTENCE_EVERY_MS = 180_000
"""A chapter has a sentence of the summary for each three minutes, and one at least."""


def outline(segments: Iterable[SpeechSegment]) -> Outline:
    """Return the outline of what is said, all of it, in order."""
    said = list(spoken_sentences(segments))
    terms = [sentence_terms(each.text) for each in said]
    starts = chapter_starts(said, terms)
    bounds = list(pairwise([*starts, len(said)]))
    titles = chapter_titles([[each.text for each in said[a:b]] for a, b in bounds])
    chapters = []
    for (first, behind), title in zip(bounds, titles, strict=True):
        start_ms = said[first].start_ms
        end_ms = said[behind].start_ms if behind < len(said) else said[-1].end_ms
        count = max(1, round((end_ms - start_ms) / SENTENCE_EVERY_MS))
        central = central_sentences(terms[first:behind], count)
        summary = tuple(said[first + number] for number in central)
        chapters.append(Chapter(start_ms=start_ms, end_ms=end_ms, title=title, summary=summary))
    speakers = {each.speaker for each in said if each.speaker is not None}
    return Outline(speakers=len(speakers), chapters=tuple(chapters))
