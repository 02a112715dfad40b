"""Amazon Transcribe's output as the transcripts of the parts of a recording. Pure.

https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html#how-output
"""

from __future__ import annotations

import bisect
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chalicelib.contracts.speech import SpeechSegment, SpokenWord, Transcript
from chalicelib.errors import ModelFailure

if TYPE_CHECKING:
    from chalicelib.contracts.functions.transcribe_speech_job import SpeechPiece
    from chalicelib.contracts.parts import Part

MAX_WORD_MS = 1_500
"""No word lasts longer, as by Whisper."""
PAUSE_MS = 700
"""A silence at which a segment ends, as passages of speech do."""
MAX_SEGMENT_MS = 30_000
_ENDS = (".", "?", "!", "。", "？", "！", "।", "؟")  # noqa: RUF001 - of other scripts
_UNSPACED = frozenset({"ja", "zh", "th", "km", "my"})
"""Languages that are written without spaces between words."""
_WHISPER_CODES = {"jv": "jw"}
_DIGITS = 4


class _Lenient(BaseModel):
    """A part of the output; what it has beside is not needed."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Alternative(_Lenient):
    content: str
    confidence: float = Field(default=0.0, ge=0, le=1)


class _Item(_Lenient):
    type: str
    alternatives: tuple[_Alternative, ...] = Field(min_length=1)
    start_time: float | None = Field(default=None, ge=0)
    end_time: float | None = Field(default=None, ge=0)
    speaker_label: str | None = None


class _Identified(_Lenient):
    code: str
    score: float = Field(default=0.0, ge=0, le=1)


class _Results(_Lenient):
    items: tuple[_Item, ...] = ()
    language_code: str = ""
    language_identification: tuple[_Identified, ...] = ()


class _Output(_Lenient):
    results: _Results


@dataclass(frozen=True, slots=True)
class _PlacedWord:
    """A word where it is said in the recording."""

    part: int
    word: SpokenWord


def part_transcripts(
    written: bytes, pieces: Sequence[SpeechPiece], parts: Sequence[Part], title: str
) -> list[Transcript]:
    """Return the transcript of each of `parts`, with times in the recording.

    Speakers are counted from 1 in the order in which they first speak, over all parts. A word is of
    the piece in which its middle lies, and does not reach beyond it.

    Args:
        written: The output of the job, JSON.
        pieces: Where the pieces of the job's sound are in the recording, in order.
        parts: The parts with sound, in order.
        title: The transcriber's name for messages.

    Raises:
        ModelFailure: it is no output of Amazon Transcribe.
    """
    results = _parsed(written, title)
    language = language_of(results.language_code or _identified(results))
    words = list(_words(results, pieces, language))
    score = max((each.score for each in results.language_identification), default=0.0)
    return [
        _transcript(
            [each.word for each in words if each.part == part.part],
            [piece for piece in pieces if piece.part == part.part],
            language,
            round(score, _DIGITS),
        )
        for part in parts
    ]


def language_of(code: str) -> str:
    """Return the language of a code of Amazon Transcribe's as Whisper names it: `en` of `en-US`."""
    language = code.partition("-")[0].lower()
    return _WHISPER_CODES.get(language, language)


def _parsed(written: bytes, title: str) -> _Results:
    try:
        return _Output.model_validate(json.loads(written)).results
    except (ValueError, ValidationError) as error:
        raise ModelFailure(f"{title} wrote no transcript of its own form: {error}") from error


def _identified(results: _Results) -> str:
    best = max(results.language_identification, key=lambda each: each.score, default=None)
    return best.code if best is not None else ""


def _words(
    results: _Results, pieces: Sequence[SpeechPiece], language: str
) -> Iterator[_PlacedWord]:
    """Yield the words with the punctuation behind each, in order."""
    numbers: dict[str, int] = {}
    space = "" if language in _UNSPACED else " "
    waiting: _PlacedWord | None = None
    for item in results.items:
        said = item.alternatives[0]
        if item.type == "punctuation" or item.start_time is None or item.end_time is None:
            if waiting is not None:
                text = waiting.word.text + said.content
                waiting = replace(waiting, word=waiting.word.model_copy(update={"text": text}))
            continue
        if waiting is not None:
            yield waiting
        speaker = None
        if item.speaker_label is not None:
            speaker = numbers.setdefault(item.speaker_label, len(numbers) + 1)
        piece, start_ms, end_ms = _placed(item.start_time, item.end_time, pieces)
        word = SpokenWord(
            text=space + said.content,
            start_ms=start_ms,
            end_ms=end_ms,
            probability=round(said.confidence, _DIGITS),
            speaker=speaker,
        )
        waiting = _PlacedWord(piece.part, word)
    if waiting is not None:
        yield waiting


def _placed(
    start: float, end: float, pieces: Sequence[SpeechPiece]
) -> tuple[SpeechPiece, int, int]:
    """Return the piece of a time in the job's sound, in seconds, and it in the recording, in ms."""
    middle = (start + end) * 1_000 / 2
    at = bisect.bisect_right(pieces, middle, key=lambda piece: piece.at_ms)
    piece = pieces[max(0, at - 1)]
    # In the silence between two pieces, a word is of the one that is nearer.
    if at < len(pieces) and middle - (piece.at_ms + piece.duration_ms) > pieces[at].at_ms - middle:
        piece = pieces[at]
    last = piece.start_ms + piece.duration_ms
    start_ms, end_ms = (
        min(max(piece.start_ms + round(each * 1_000) - piece.at_ms, piece.start_ms), last)
        for each in (start, end)
    )
    return piece, start_ms, min(end_ms, start_ms + MAX_WORD_MS)


def _transcript(
    words: Sequence[SpokenWord], pieces: Sequence[SpeechPiece], language: str, score: float
) -> Transcript:
    return Transcript(
        language=language if words else "",
        language_probability=score if words else 0.0,
        segments=tuple(map(_segment, _sentences(words))),
        speech_ms=sum(piece.duration_ms for piece in pieces),
    )


def _sentences(words: Sequence[SpokenWord]) -> Iterator[list[SpokenWord]]:
    """Yield stretches that end behind a sentence, at a pause, or where another one speaks."""
    group: list[SpokenWord] = []
    for word in words:
        if group and _is_apart(group, word):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _is_apart(group: Sequence[SpokenWord], word: SpokenWord) -> bool:
    before = group[-1]
    return (
        before.text.endswith(_ENDS)
        or before.speaker != word.speaker
        or word.start_ms - before.end_ms >= PAUSE_MS
        or word.end_ms - group[0].start_ms > MAX_SEGMENT_MS
    )


def _segment(words: Sequence[SpokenWord]) -> SpeechSegment:
    said = Counter(word.speaker for word in words if word.speaker is not None)
    return SpeechSegment(
        start_ms=words[0].start_ms,
        end_ms=words[-1].end_ms,
        text="".join(word.text for word in words).strip(),
        words=tuple(words),
        speaker=said.most_common(1)[0][0] if said else None,
    )
