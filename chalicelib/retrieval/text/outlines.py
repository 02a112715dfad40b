"""The outline of a transcript: its sentences, chapters with titles, and those that sum them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.contracts.outlines import Chapter, Outline, SpokenSentence
from chalicelib.retrieval.text.central_sentences import central_sentences
from chalicelib.retrieval.text.chapters import chapter_starts, chapter_titles, sentence_terms
from chalicelib.retrieval.text.timelines import SENTENCE_ENDS

if TYPE_CHECKING:
    from chalicelib.contracts.speech import SpeechSegment, SpokenWord

SENTENCE_EVERY_MS = 180_000
"""A chapter has a sentence of the summary for each three minutes, and one at least."""
PAUSE_MS = 2_000
"""Silence that ends a sentence, whatever stands before it."""
MAX_SENTENCE_MS = 30_000
"""A sentence ends at the next word after that: some speech is written without full stops."""


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


def spoken_sentences(segments: Iterable[SpeechSegment]) -> Iterator[SpokenSentence]:
    """Yield the sentences of consecutive segments, whatever segment a word is of."""
    sentence: list[SpokenWord] = []
    for segment in segments:
        for word in segment.words:
            if sentence and _ends(sentence, word):
                yield _sentence(sentence)
                sentence = []
            sentence.append(word)
    if sentence:
        yield _sentence(sentence)


def _ends(sentence: Sequence[SpokenWord], word: SpokenWord) -> bool:
    last = sentence[-1]
    return (
        last.text.rstrip().endswith(SENTENCE_ENDS)
        or word.start_ms - last.end_ms >= PAUSE_MS
        or word.end_ms - sentence[0].start_ms > MAX_SENTENCE_MS
        or word.speaker != last.speaker
    )


def _sentence(words: Sequence[SpokenWord]) -> SpokenSentence:
    return SpokenSentence(
        start_ms=words[0].start_ms,
        end_ms=words[-1].end_ms,
        text="".join(word.text for word in words).strip(),
        speaker=words[0].speaker,
    )
