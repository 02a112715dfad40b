"""Speech: calls of models that transcribe it, and transcripts with words and voices."""

from __future__ import annotations

from typing import Literal

from pydantic import Base64Bytes, Field

from chalicelib.contracts.base import Contract

PCM_BYTES_PER_SECOND = 32_000
"""Bytes a second of sound of 16 bits, one channel, 16 kHz."""
SAME_VOICE = 0.70
"""Average cosine of two groups of vectors of voices, from which on they are one speaker's."""


class SpokenWord(Contract):
    """A word with its time in milliseconds from the start of the recording.

    `text` has the space before it, and the punctuation that belongs to it. `probability` is how
    sure the model is of it. `speaker` counts from 1.
    """

    text: str
    start_ms: int = Field(ge=0)
    end_ms: int = Field(ge=0)
    probability: float = Field(ge=0, le=1)
    speaker: int | None = Field(default=None, ge=1)


class SpeechSegment(Contract):
    """A stretch of speech, a sentence or a few, with its time in milliseconds.

    `speaker` is who says most of its words. `log_probability` is of a token on average,
    `compression` the ratio by which its window's text can be compressed, `no_speech` the
    probability that nobody spoke in it, and `temperature` that of the try that gave the text.
    """

    start_ms: int = Field(ge=0)
    end_ms: int = Field(ge=0)
    text: str
    words: tuple[SpokenWord, ...] = ()
    speaker: int | None = Field(default=None, ge=1)
    log_probability: float = 0.0
    compression: float = 0.0
    no_speech: float = 0.0
    temperature: float = 0.0


class PartSpeaker(Contract):
    """A speaker of a part of a recording, by the number that its words have there.

    `voice` is the mean of vectors of length 1, of 256 values, one for each of `pieces` of speech.
    """

    number: int = Field(ge=1)
    pieces: int = Field(ge=1)
    voice: tuple[float, ...]


class Transcript(Contract):
    """Transcript of a recording, or of a part of one.

    `language` is a code of Whisper's, mostly of ISO 639-1, and "" where nothing is said.
    `speech_ms` is how long somebody speaks, of `duration_ms`. Speakers are counted from 1 in the
    order in which they first speak; those of several parts are put together by `speakers`, unless
    they are joined already: then a number is the same speaker in all parts. `model` is the
    transcriber, "" in transcripts of before there were several.
    """

    language: str = ""
    language_probability: float = Field(default=0.0, ge=0, le=1)
    segments: tuple[SpeechSegment, ...] = ()
    speakers: tuple[PartSpeaker, ...] = ()
    speech_ms: int = Field(default=0, ge=0)
    duration_ms: int = Field(default=0, ge=0)
    speakers_joined: bool = False
    model: str = ""

    @property
    def text(self) -> str:
        """Return the text of all segments."""
        return " ".join(segment.text for segment in self.segments)

    @property
    def words(self) -> int:
        """Return how many words were written down."""
        return sum(len(segment.words) for segment in self.segments)


class TranscribeCall(Contract):
    """Speech to transcribe, or to `translate` into English.

    `sound` is signed 16-bit samples, little-endian, one channel, 16 kHz. Without `language`, a code
    of `spoken_languages`, it is detected. `prompt` is a text whose style and names are followed.
    Without `temperature` the likeliest text is written.
    """

    task: Literal["transcription"] = "transcription"
    sound: Base64Bytes
    language: str = ""
    translate: bool = False
    prompt: str = ""
    temperature: float | None = Field(default=None, ge=0, le=1)

    @property
    def seconds(self) -> float:
        """Return the length of the sound in seconds."""
        return len(self.sound) / PCM_BYTES_PER_SECOND


class TranscribeOutput(Contract):
    """The answer to a `TranscribeCall`: the transcript of its sound."""

    task: Literal["transcription"] = "transcription"
    transcript: Transcript
