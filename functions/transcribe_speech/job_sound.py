"""The sound that a transcription job is sent: what somebody speaks, and nothing else."""

from __future__ import annotations

import io
import itertools
import wave
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.transcribe_speech_job import SpeechPiece
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.parts import Part
from chalicelib.contracts.speech import PCM_BYTES_PER_SECOND
from chalicelib.inference.speech.voice_activity import MS
from chalicelib.inference.speech.wav import pcm_samples
from chalicelib.retrieval.ids import sound_key, version_prefix

if TYPE_CHECKING:
    from chalicelib.contracts.functions.transcribe_speech_job import (
        CollectSpeechRequest,
        FindSpeechRequest,
    )
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.inference.speech.mel import Samples
    from chalicelib.inference.speech.voice_activity import Interval

MAX_GAP_MS = 300
"""Silence between two pieces, of zeros: as long as it was, up to this, so that words stay apart."""
MIN_SOUND_MS = 1_000
"""Amazon Transcribe takes no sound of less than half a second."""
_BYTES_PER_MS = PCM_BYTES_PER_SECOND // 1_000
_RATE, _SAMPLE_BYTES = 16_000, 2
_WAV_HEADER_BYTES = 44


class SpeechDetector(Protocol):
    """Finds speech, as `VoiceActivity` does."""

    def speech(self, samples: Samples) -> list[Interval]:
        """Return the intervals of a recording in which somebody speaks, in order, apart."""


def sound_parts(
    request: FindSpeechRequest | CollectSpeechRequest, objects: LargeObjects
) -> list[Part]:
    """Return the parts that have sound, of the plan of the recording."""
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    body = objects.read(request.bucket, prefix + "parts.jsonl")
    return [part for part in parse_lines(body, Part, request.parts) if part.sound]


def speech_pieces(
    request: FindSpeechRequest,
    parts: Iterable[Part],
    detector: SpeechDetector,
    objects: LargeObjects,
) -> Iterator[SpeechPiece]:
    """Yield the pieces of all parts in which somebody speaks, a part in memory at a time."""
    at_ms, before_ms = 0, -1
    for part in parts:
        samples = pcm_samples(_sound(request, part.part, objects))
        for interval in detector.speech(samples):
            start_ms = part.start_ms + interval.start // MS
            end_ms = part.start_ms + interval.end // MS
            if before_ms >= 0:
                at_ms += max(0, min(MAX_GAP_MS, start_ms - before_ms))
            if end_ms > start_ms:
                yield SpeechPiece(
                    part=part.part, at_ms=at_ms, start_ms=start_ms, duration_ms=end_ms - start_ms
                )
            at_ms, before_ms = at_ms + end_ms - start_ms, end_ms


def duration_ms(pieces: Sequence[SpeechPiece]) -> int:
    """Return how long the pieces last together, with the silence between them."""
    return max(MIN_SOUND_MS, pieces[-1].at_ms + pieces[-1].duration_ms)


def wav_file(
    request: FindSpeechRequest,
    pieces: Sequence[SpeechPiece],
    parts: Sequence[Part],
    objects: LargeObjects,
) -> Iterator[bytes]:
    """Yield a WAV file of the pieces with silence between them, read a part at a time again."""
    sound_ms = duration_ms(pieces)
    yield _wav_header(sound_ms * _BYTES_PER_MS)
    starts = {part.part: part.start_ms for part in parts}
    written_ms = 0
    for number, group in itertools.groupby(pieces, key=lambda piece: piece.part):
        sound = _sound(request, number, objects)
        for piece in group:
            yield bytes((piece.at_ms - written_ms) * _BYTES_PER_MS)
            first = (piece.start_ms - starts[number]) * _BYTES_PER_MS
            spoken = sound[first : first + piece.duration_ms * _BYTES_PER_MS]
            yield spoken.ljust(piece.duration_ms * _BYTES_PER_MS, b"\0")
            written_ms = piece.at_ms + piece.duration_ms
    yield bytes((sound_ms - written_ms) * _BYTES_PER_MS)


def _wav_header(size: int) -> bytes:
    """Return the header of a WAV file of `size` bytes of 16 bits, one channel, 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(_SAMPLE_BYTES)
        written.setframerate(_RATE)
        written.setnframes(size // _SAMPLE_BYTES)
        written.writeframesraw(b"")
        return file.getvalue()[:_WAV_HEADER_BYTES]


def _sound(request: FindSpeechRequest, part: int, objects: LargeObjects) -> bytes:
    place = (request.tenant, request.document_id, request.version, part)
    return objects.read(request.bucket, sound_key(*place))
