"""Write down the speech of a part of a document, or of a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.transcribe_speech import (
    TranscribePartRequest,
    TranscribePartResult,
    TranscribeRequest,
    TranscribeResult,
)
from chalicelib.contracts.ingest import spent
from chalicelib.contracts.speech import SpeechSegment, SpokenWord, Transcript
from chalicelib.errors import InvalidInput, ModelFailure, NotFound
from chalicelib.inference.speech.deadline import DeadlineExceeded, SpeechDeadline
from chalicelib.inference.speech.recogniser import SpeechRequest
from chalicelib.inference.speech.speaker_clusters import part_speakers, speaker_at, speakers
from chalicelib.inference.speech.voice_activity import MS
from chalicelib.inference.speech.wav import pcm_samples, wav_samples
from chalicelib.inference.speech.whisper import MODEL
from chalicelib.retrieval.ids import sound_key, speech_key

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore
    from chalicelib.inference.speech.alignment import TimedWord
    from chalicelib.inference.speech.mel import Samples
    from chalicelib.inference.speech.recogniser import RecognisedSpeech, SpokenSegment
    from chalicelib.inference.speech.speakers import Voice
    from chalicelib.inference.speech.voice_activity import Interval

MAX_CALL_S = 180.0
"""Seconds of sound in a call."""
CALL_DEADLINE_S = 60.0
"""Seconds in which the sound of a call is written down.

Two minutes of loops of words, the worst that was measured, take 24.
"""
PART_DEADLINE_S = 220.0
"""Seconds in which a part of a document is written down, before the function's own timeout.

Five minutes of loops of words, the worst that was measured, take 62.
"""
_DIGITS = 4


class Recogniser(Protocol):
    """Transcribes samples, as `SpeechRecogniser` does."""

    def recognise(
        self, recording: Samples, request: SpeechRequest, deadline: SpeechDeadline
    ) -> RecognisedSpeech:
        """Return what is said in a recording. Raises `DeadlineExceeded`."""


class VoiceEncoder(Protocol):
    """Returns vectors of voices, as `SpeakerEncoder` does."""

    def voices(
        self, recording: Samples, speech: Sequence[Interval], deadline: SpeechDeadline
    ) -> list[Voice]:
        """Return the voices in the intervals of speech. Raises `DeadlineExceeded`."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run` and `write_down`; `clock` returns seconds from any start."""

    recogniser: Recogniser
    encoder: VoiceEncoder
    model: str
    clock: Callable[[], float]


def run(
    request: TranscribePartRequest, objects: ObjectStore, memory_gb: float, deps: Deps
) -> TranscribePartResult:
    """Write the speech of a part of a document into its `speech.json`.

    A part that has it is not transcribed again, such as one whose frames were not looked at when
    its ingest was interrupted.

    Raises:
        NotFound: the part has no sound.
        InvalidInput: the language is unknown.
        ModelFailure: a model is missing or failed, or takes more than `PART_DEADLINE_S`.
    """
    began = deps.clock()
    place = (request.tenant, request.document_id, request.version, request.part)
    transcript = _transcript_before(objects, request.bucket, speech_key(*place), deps.model)
    if transcript is None:
        recording = pcm_samples(objects.read(request.bucket, sound_key(*place)))
        heard = _transcribed_part(recording, request, deps, began + PART_DEADLINE_S)
        transcript = heard.model_copy(update={"model": deps.model})
        body = transcript.model_dump_json(exclude_defaults=True).encode()
        objects.write(request.bucket, speech_key(*place), body, {})
    return TranscribePartResult(
        part=request.part,
        language=transcript.language,
        segments=len(transcript.segments),
        words=transcript.words,
        speech_ms=transcript.speech_ms,
        duration_ms=transcript.duration_ms,
        model=deps.model,
        transcribing=spent(deps.clock() - began, memory_gb),
    )


def _transcript_before(
    objects: ObjectStore, bucket: str, key: str, model: str
) -> Transcript | None:
    """Return what this model wrote of a part before, None if nothing was.

    Transcripts that name no model are of the time when there was one alone.
    """
    try:
        before = Transcript.model_validate_json(objects.read(bucket, key))
    except NotFound:
        return None
    return before if (before.model or MODEL) == model else None


def _transcribed_part(
    recording: Samples, request: TranscribePartRequest, deps: Deps, until: float
) -> Transcript:
    deadline = SpeechDeadline(until, deps.clock)
    asked = SpeechRequest(language=request.language)
    try:
        return transcribed(recording, asked, deps, deadline, request.start_ms)
    except DeadlineExceeded as error:
        raise _late_part(request.part, len(recording) // MS // 1_000) from error


def write_down(request: TranscribeRequest, deps: Deps) -> TranscribeResult:
    """Return the speech of a WAV file.

    Raises:
        InvalidInput: it is no WAV file, too long, takes more than `CALL_DEADLINE_S`, or the
            language is unknown.
        Unsupported: its samples are compressed.
        ModelFailure: a model is missing or failed.
    """
    began = deps.clock()
    recording = wav_samples(request.data, MAX_CALL_S)
    asked = SpeechRequest(
        request.language, request.translate, request.prompt, request.temperature or 0.0
    )
    try:
        transcript = transcribed(
            recording, asked, deps, SpeechDeadline(began + CALL_DEADLINE_S, deps.clock)
        )
    except DeadlineExceeded as error:
        raise _late_call() from error
    return TranscribeResult(
        transcript=transcript.model_copy(update={"speakers": ()}),
        model=deps.model,
        seconds=max(0.0, deps.clock() - began),
    )


def _late_call() -> InvalidInput:
    return InvalidInput(
        f"The recording cannot be written down within the {CALL_DEADLINE_S:.0f} s that a call has:"
        " unclear speech and words that repeat themselves are decoded several times. Upload it as a"
        " document (POST /v1/documents), which has no such limit, or send shorter pieces.",
        field="file",
        limit=f"{CALL_DEADLINE_S:.0f} s",
    )


def _late_part(part: int, seconds: int) -> ModelFailure:
    return ModelFailure(
        f"Part {part} of the recording, {seconds} s long, cannot be written down within"
        f" {PART_DEADLINE_S:.0f} s, which is the limit: unclear speech and words that repeat"
        " themselves are decoded several times. Retry it, or upload the recording in pieces of less"
        " than three minutes.",
        field="file",
        limit=f"{PART_DEADLINE_S:.0f} s",
    )


def transcribed(
    recording: Samples,
    request: SpeechRequest,
    deps: Deps,
    deadline: SpeechDeadline,
    start_ms: int = 0,
) -> Transcript:
    """Return what is said in a recording that begins at `start_ms` of another, and by whom."""
    found = deps.recogniser.recognise(recording, request, deadline)
    voices = deps.encoder.voices(recording, found.speech if found.segments else (), deadline)
    numbers = speakers(voices)

    def spoken(word: TimedWord) -> SpokenWord:
        return SpokenWord(
            text=word.text,
            start_ms=word.start_ms + start_ms,
            end_ms=word.end_ms + start_ms,
            probability=round(min(1.0, word.probability), _DIGITS),
            speaker=speaker_at(word.start_ms * MS, word.end_ms * MS, voices, numbers),
        )

    return Transcript(
        language=found.language,
        language_probability=round(found.language_probability, _DIGITS),
        segments=tuple(
            _segment(each, tuple(map(spoken, each.words)), start_ms) for each in found.segments
        ),
        speakers=part_speakers(voices, numbers),
        speech_ms=sum(interval.samples for interval in found.speech) // MS,
        duration_ms=len(recording) // MS,
    )


def _segment(segment: SpokenSegment, words: tuple[SpokenWord, ...], start_ms: int) -> SpeechSegment:
    said = Counter(word.speaker for word in words if word.speaker is not None)
    return SpeechSegment(
        start_ms=segment.start_ms + start_ms,
        end_ms=segment.end_ms + start_ms,
        text=segment.text,
        words=words,
        speaker=said.most_common(1)[0][0] if said else None,
        log_probability=round(segment.decoded.log_probability, _DIGITS),
        compression=round(segment.decoded.compression, _DIGITS),
        no_speech=round(segment.decoded.no_speech, _DIGITS),
        temperature=segment.decoded.temperature,
    )
