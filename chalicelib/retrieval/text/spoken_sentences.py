"""Sentences of a transcript, with their times and speakers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.outlines import SpokenSentence
from chalicelib.retrieval.text.timelines import SENTENCE_ENDS

if TYPE_CHECKING:
    from chalicelib.contracts.speech import SpeechSegment, SpokenWord

PAUSE_MS = 2_000
"""Silence that ends a sentence, whatever stands before it."""
MAX_MS = 30_000
"""A sentence ends at the next word after that: some speech is written without full stops."""


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
        or word.end_ms - sentence[0].start_ms > MAX_MS
        or word.speaker != last.speaker
    )


def _sentence(words: Sequence[SpokenWord]) -> SpokenSentence:
    return SpokenSentence(
        start_ms=words[0].start_ms,
        end_ms=words[-1].end_ms,
        text="".join(word.text for word in words).strip(),
        speaker=words[0].speaker,
    )
