"""The path of a recording that a job of Amazon Transcribe transcribes, and what can go wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.contracts.functions.transcribe_speech_job import (
    CollectSpeechRequest,
    CollectSpeechResult,
    FindSpeechRequest,
    FindSpeechResult,
    FoundSpeech,
    ReleaseSpeechRequest,
)
from chalicelib.contracts.ingest import Spent
from chalicelib.contracts.parts import SpeechJobUsage
from chalicelib.contracts.speech import Transcript
from chalicelib.ingest.receipts import large_transitions
from chalicelib.retrieval.ids import job_sound_key, job_transcript_key, speech_key
from functions.transcribe_speech.speech_job import (
    FIND_TRANSITIONS,
    JOB_TRANSITIONS,
    LOOK_TRANSITIONS,
    SLOT_TRANSITIONS,
)
from tests.architecture.ingest_world import Answer, IngestWorld, Raises, more_steps
from tests.architecture.test_ingest_paths import document
from tests.architecture.test_recording_paths import Recording, _transcript
from tests.unit.ingest.examples import BUCKET

MODEL = "amazon-transcribe"
LOOK = ["AwaitTranscription", "LookAtTranscription", "IsTranscribed"]
FOUND = ["Read", "Detour", "ReadMedia", "FindSpeech", "IsSpeechFound"]
USED = Spent(seconds=0.5, gb_seconds=0.25)
FAILED = ["ExplainFailure", "RecordFailure", "AnnounceFailed", "Failed"]


class JobRecording(Recording):
    """A recording of two parts with sound, whose collection names Amazon Transcribe."""

    def __init__(self, world: IngestWorld) -> None:
        claimed = world.claim()
        super().__init__(world, claimed.model_copy(update={"transcriber": MODEL}))
        answers = world.script.answers
        answers["read_media"] = [self.plan_for_job]
        answers["transcribe_speech"] = [self.take_step]
        world.script.jobs = self.answer_job
        self.has_speech = True
        self.collected: Answer | None = None
        self.statuses = ["IN_PROGRESS", "COMPLETED"]
        self.starts: list[Answer] = [{}]
        self.asked_jobs: list[tuple[str, dict[str, Any]]] = []
        self.steps: list[str] = []

    def plan_for_job(self, payload: dict[str, Any]) -> Answer:
        assert payload["transcriber"] == MODEL
        return Raises("MoreSteps", json.dumps(self.plan(payload)))

    def take_step(self, payload: dict[str, Any]) -> Answer:
        self.steps.append(payload["step"])
        if payload["step"] == "find":
            return self._find(FindSpeechRequest.model_validate(payload))
        if payload["step"] == "release":
            ReleaseSpeechRequest.model_validate(payload)
            return {}
        request = CollectSpeechRequest.model_validate(payload)
        if self.collected is not None:
            return self.collected
        self._write()
        transitions = JOB_TRANSITIONS + LOOK_TRANSITIONS * request.looks
        used = SpeechJobUsage(
            model=MODEL,
            seconds=15,
            nanodollars=6_000_000,
            transitions=transitions + SLOT_TRANSITIONS * request.slots,
            finding=USED,
        )
        return CollectSpeechResult(speech_job_used=used).model_dump(mode="json")

    def _find(self, request: FindSpeechRequest) -> Answer:
        assert request.execution
        found = FoundSpeech(finding=USED)
        if self.has_speech:
            keys = {"media_key": job_sound_key(*self.place)}
            keys["output_key"] = job_transcript_key(*self.place)
            found = found.model_copy(update={**keys, "seconds": 9.5})
        else:
            self._write(silent=True)
        used = SpeechJobUsage(model=MODEL, transitions=FIND_TRANSITIONS, finding=USED)
        return FindSpeechResult(speech_job=found, speech_job_used=used).model_dump(mode="json")

    def _write(self, *, silent: bool = False) -> None:
        for number in (1, 2):
            spoken = Transcript() if silent else _transcript(300_000 * (number - 1))
            marked = spoken.model_copy(
                update={"speakers": (), "speakers_joined": True, "model": MODEL}
            )
            body = marked.model_dump_json(exclude_defaults=True).encode()
            self.objects.write(BUCKET, speech_key(*self.place, number), body, {})

    def answer_job(self, operation: str, params: dict[str, Any]) -> Answer:
        self.asked_jobs.append((operation, params))
        if operation == "StartTranscriptionJob":
            return self.starts.pop(0) if len(self.starts) > 1 else self.starts[0]
        if operation == "DeleteTranscriptionJob":
            return {}
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        job = {"TranscriptionJobName": "n", "TranscriptionJobStatus": status}
        if status == "FAILED":
            job["FailureReason"] = "Invalid sample rate."
        return {"TranscriptionJob": job}


@pytest.fixture
def recording(world: IngestWorld) -> Iterator[JobRecording]:
    """Return a recording, whose parts are in moto's S3."""
    with mock_aws():
        found = JobRecording(world)
        media = more_steps(media=True, media_type="video/x-matroska", pages=1, pages_needing_ocr=0)
        world.script.answers["read_document"] = [media, found.read_part]
        yield found


def test_a_job_is_started_looked_at_collected_and_deleted(
    world: IngestWorld, recording: JobRecording
) -> None:
    status, states = world.run(recording.asked)

    assert status == "SUCCEEDED"
    job = ["StartTranscription", *LOOK, *LOOK, "CollectSpeech", "ForgetTranscription"]
    assert states[: len(FOUND) + len(job)] == [*FOUND, *job]
    assert recording.steps == ["find", "collect"]
    (start, params), *_, (delete, named) = recording.asked_jobs
    assert (start, delete) == ("StartTranscriptionJob", "DeleteTranscriptionJob")
    name = f"headrace-test-{recording.asked.version}"
    assert params["TranscriptionJobName"] == named["TranscriptionJobName"] == name
    assert params["Media"] == {"MediaFileUri": f"s3://{BUCKET}/{job_sound_key(*recording.place)}"}
    assert params["OutputKey"] == job_transcript_key(*recording.place)
    shown = document(world, recording.asked)
    assert (shown.status, shown.language) == ("ready", "en")
    receipt = shown.receipt
    assert receipt is not None
    lines = {line.role: line for line in receipt.lines}
    assert lines["transcribing"].model == MODEL
    assert (lines["transcribing"].seconds, str(lines["transcribing"].dollars)) == (
        15.0,
        "0.006000000",
    )
    assert lines["finding speech"].seconds == 0.5
    assert receipt.transitions == len(states) + 4
    assert receipt.transitions == large_transitions(3, 1, recording=True) + 11


def test_a_job_that_an_earlier_attempt_started_is_waited_for(
    world: IngestWorld, recording: JobRecording
) -> None:
    recording.starts = [Raises("ConflictException", "The requested job name already exists.")]

    status, states = world.run(recording.asked)

    assert (status, document(world, recording.asked).status) == ("SUCCEEDED", "ready")
    assert states[len(FOUND) :][:4] == ["StartTranscription", *LOOK]


def test_a_recording_waits_until_the_account_may_run_another_job(
    world: IngestWorld, recording: JobRecording
) -> None:
    recording.starts = [*[Raises("LimitExceededException")] * 6, {}]

    status, states = world.run(recording.asked)

    assert (status, states.count("AwaitTranscriptionSlot")) == ("SUCCEEDED", 1)
    receipt = document(world, recording.asked).receipt
    assert receipt is not None
    assert receipt.transitions == len(states) + 4


def test_a_recording_without_speech_starts_no_job(
    world: IngestWorld, recording: JobRecording
) -> None:
    recording.has_speech = False

    status, states = world.run(recording.asked)

    assert (status, states[: len(FOUND) + 1]) == ("SUCCEEDED", [*FOUND, "RecordParts"])
    assert not recording.asked_jobs
    receipt = document(world, recording.asked).receipt
    assert receipt is not None
    assert [line.dollars for line in receipt.lines if line.role == "transcribing"] == []
    assert receipt.transitions == len(states) + 4


def test_a_failed_job_fails_the_ingest_in_its_words_and_frees_its_name_and_budget(
    world: IngestWorld, recording: JobRecording
) -> None:
    recording.statuses = ["FAILED"]

    status, states = world.run(recording.asked)

    assert status == "FAILED"
    ended = ["ForgetFailedTranscription", "ReleaseSpeech", *FAILED]
    assert states[-len(ended) :] == ended
    assert recording.steps == ["find", "release"]
    assert document(world, recording.asked).reason == (
        "Amazon Transcribe could not transcribe the recording: Invalid sample rate. Once that is"
        f" mended, try again: `headrace retry {recording.asked.document_id}`."
    )


def test_a_job_without_a_transcript_is_deleted_so_that_a_retry_starts_another(
    world: IngestWorld, recording: JobRecording
) -> None:
    recording.collected = Raises("ModelFailure", "It ended the job, and wrote no transcript.")

    status, states = world.run(recording.asked)

    ended = ["CollectSpeech", "ForgetFailedTranscription", "ReleaseSpeech", *FAILED]
    assert (status, states[-len(ended) :]) == ("FAILED", ended)
    assert recording.asked_jobs[-1][0] == "DeleteTranscriptionJob"
    assert "and wrote no transcript." in document(world, recording.asked).reason


def test_a_job_that_cannot_be_started_gives_its_budget_back(
    world: IngestWorld, recording: JobRecording
) -> None:
    recording.starts = [Raises("BadRequestException", "The S3 URI can't be accessed.")]

    assert world.run(recording.asked)[0] == "FAILED"

    assert recording.steps == ["find", "release"]
    assert "The S3 URI can't be accessed." in document(world, recording.asked).reason


def test_a_job_that_does_not_end_in_four_hours_is_left_to_a_retry(
    world: IngestWorld, recording: JobRecording
) -> None:
    recording.statuses = ["IN_PROGRESS"]

    status, states = world.run(recording.asked)

    assert (status, states.count("LookAtTranscription")) == ("FAILED", 24)
    assert states[-5:] == ["TranscriptionLate", *FAILED]
    assert recording.steps == ["find"]
    assert "DeleteTranscriptionJob" not in {name for name, _ in recording.asked_jobs}


def test_a_budget_that_has_too_little_left_starts_no_job(
    world: IngestWorld, recording: JobRecording
) -> None:
    world.script.answers["transcribe_speech"] = [Raises("QuotaExceeded", "$0.006 are left.")]

    assert world.run(recording.asked)[0] == "FAILED"

    assert not recording.asked_jobs
    assert "$0.006 are left." in document(world, recording.asked).reason
