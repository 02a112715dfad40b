"""Transcriptions and translations of speech.

https://platform.openai.com/docs/api-reference/audio/createTranscription
https://platform.openai.com/docs/api-reference/audio/createTranslation
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from chalicelib.contracts.base import Contract, is_none
from chalicelib.contracts.openai.base import ModelCallInput
from chalicelib.contracts.receipts import Receipt

TranscriptionFormat = Literal["json", "text", "verbose_json", "srt", "vtt"]
MAX_PROMPT_CHARACTERS = 1_000
_File = Annotated[
    bytes, WithJsonSchema({"type": "string", "contentMediaType": "audio/*", "minLength": 1})
]


class TranslationForm(ModelCallInput):
    """`POST /v1/audio/translations`, a form: a recording, and the model that writes it in English.

    `prompt` is a text whose style and names the model follows. At a `temperature` of 0 the
    likeliest text is written, above it one drawn by chance, of the same seed each time.
    """

    file: _File
    model: str
    prompt: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS)
    response_format: TranscriptionFormat = "json"
    temperature: float = Field(default=0, ge=0, le=1)


class TranscriptionForm(TranslationForm):
    """`POST /v1/audio/transcriptions`, a form: a recording, and the model that writes it down.

    Without `language`, such as `en`, it is detected. `verbose_json` has segments and, where
    `timestamp_granularities[]` names them, words. With `stream` the text comes as it is written, of
    `json` and `text` alone. Lists may be named without `[]`.
    """

    language: str = Field(default="", max_length=20)
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = Field(
        default=("segment",), alias="timestamp_granularities[]", max_length=2
    )
    stream: bool = False


class AudioUsage(Contract):
    """Usage as OpenAI bills it: the seconds of a recording, rounded up."""

    type: Literal["duration"] = "duration"
    seconds: int = Field(ge=0)


class TranscribedWord(Contract):
    """A word, with its times in seconds. `speaker` is ours, counted from 1."""

    word: str
    start: float
    end: float
    speaker: int | None = None


class TranscribedSegment(Contract):
    """A segment, with its times in seconds. `speaker` is ours, counted from 1."""

    id: int
    seek: int = 0
    start: float
    end: float
    text: str
    tokens: tuple[int, ...] = ()
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    speaker: int | None = None


class Transcription(Contract):
    """A transcription or a translation; only `verbose_json` has more than text. `receipt` is ours.

    `language` is the language's English name, `unknown` if nobody speaks, and `duration` the
    seconds of the recording.
    """

    text: str
    task: Literal["transcribe", "translate"] | None = Field(default=None, exclude_if=is_none)
    language: str | None = Field(default=None, exclude_if=is_none)
    duration: float | None = Field(default=None, exclude_if=is_none)
    segments: tuple[TranscribedSegment, ...] | None = Field(default=None, exclude_if=is_none)
    words: tuple[TranscribedWord, ...] | None = Field(default=None, exclude_if=is_none)
    usage: AudioUsage
    receipt: Receipt


class TranscriptTextDelta(Contract):
    """A piece of a streamed transcription's text."""

    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str


class TranscriptTextDone(Contract):
    """The end of a streamed transcription: its whole text. `receipt` is ours."""

    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str
    usage: AudioUsage
    receipt: Receipt
