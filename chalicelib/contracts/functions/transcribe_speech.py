"""Input and output of the function `transcribe_speech`, for a part of a document and for a call."""

from __future__ import annotations

from pydantic import Base64Bytes, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.ingest import Spent
from chalicelib.contracts.speech import Transcript


class TranscribePartRequest(Contract):
    """The input of `transcribe_speech` for a part of a document's sound.

    The part's `sound.pcm` is written down: whole numbers of 16 bits, little-endian, mono, 16 kHz.
    It begins at `start_ms` of the document, from whose start all times count. Without `language` it
    is detected. `transcriber` is the model that its collection names, "" for the default.
    """

    tenant: str
    document_id: str
    version: str
    bucket: str
    correlation_id: str
    part: int = Field(ge=0)
    start_ms: int = Field(default=0, ge=0)
    language: str = ""
    transcriber: str = ""


class TranscribePartResult(Contract):
    """The output of `transcribe_speech` for a part: how much it wrote into its `speech.json`."""

    part: int = Field(ge=0)
    language: str
    segments: int = Field(ge=0)
    words: int = Field(ge=0)
    speech_ms: int = Field(ge=0)
    duration_ms: int = Field(ge=0)
    model: str
    transcribing: Spent


class TranscribeRequest(Contract):
    """The input of `transcribe_speech` for a call: a WAV file by its bytes.

    `translate` asks for English. `prompt` is a text in whose style, and with whose names, the
    speech is written down. `temperature` is that of sampling; None writes the likeliest text.
    `transcriber` is the model, "" for the default.
    """

    data: Base64Bytes
    language: str = ""
    translate: bool = False
    prompt: str = ""
    temperature: float | None = Field(default=None, ge=0, le=1)
    correlation_id: str = ""
    transcriber: str = ""


class TranscribeResult(Contract):
    """The output of `transcribe_speech` for a call."""

    transcript: Transcript
    model: str
    seconds: float = Field(ge=0)
