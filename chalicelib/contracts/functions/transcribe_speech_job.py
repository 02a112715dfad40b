"""Steps of `transcribe_speech` around a job of Amazon Transcribe: find, collect, release."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.budgets import Reservation
from chalicelib.contracts.ingest import Spent
from chalicelib.contracts.parts import MAX_PARTS, SpeechJobUsage


class SpeechPiece(Contract):
    """One line of `speech.jsonl`: where a piece of a job's sound is in it and in the recording.

    The piece lasts `duration_ms` from `at_ms` of the job's sound on, and is of `part`, at
    `start_ms` of the recording.
    """

    part: int = Field(ge=1)
    at_ms: int = Field(ge=0)
    start_ms: int = Field(ge=0)
    duration_ms: int = Field(ge=1)


class FoundSpeech(Contract):
    """The speech of a recording as a job is sent it: `seconds` of sound at `media_key`.

    The job writes what it hears at `output_key`. Without a reservation there is nothing to send:
    nobody speaks, or the parts were transcribed by an earlier attempt.
    """

    media_key: str = ""
    output_key: str = ""
    seconds: float = Field(default=0.0, ge=0)
    reservation: Reservation | None = None
    finding: Spent


class _SpeechJobRequest(Contract):
    """The fields that every step has, which are those of the execution."""

    tenant: str
    document_id: str
    version: str
    bucket: str
    collection: str = ""
    correlation_id: str
    transcriber: str


class FindSpeechRequest(_SpeechJobRequest):
    """Find where somebody speaks in the `parts` of a recording, and reserve what a job costs.

    `execution` names the attempt, so that a repeated step reserves once.
    """

    step: Literal["find"]
    parts: int = Field(ge=1, le=MAX_PARTS)
    execution: str


class FindSpeechResult(Contract):
    """The speech that was found, and what finding it used if there is no job to be collected."""

    speech_job: FoundSpeech
    speech_job_used: SpeechJobUsage


class CollectSpeechRequest(_SpeechJobRequest):
    """Write what a job heard into the `parts` of its recording.

    `looks` were taken at the job, and `slots` are waits until the account could start it.
    """

    step: Literal["collect"]
    parts: int = Field(ge=1, le=MAX_PARTS)
    found: FoundSpeech
    looks: int = Field(ge=0)
    slots: int = Field(default=0, ge=0)


class CollectSpeechResult(Contract):
    """The seconds and the provider's model of a transcription job, for the receipt."""

    speech_job_used: SpeechJobUsage


class ReleaseSpeechRequest(_SpeechJobRequest):
    """Give back what was reserved for a job that failed, and remove the sound that it was sent."""

    step: Literal["release"]
    found: FoundSpeech
