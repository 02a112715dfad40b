"""The Lambda function `transcribe_speech`."""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.functions.transcribe_speech import (
    TranscribePartRequest,
    TranscribePartResult,
    TranscribeRequest,
)
from chalicelib.inference.speech.recogniser import SpeechRecogniser
from chalicelib.inference.speech.speakers import SpeakerEncoder
from chalicelib.inference.speech.whisper import MODEL
from chalicelib.observability import observed
from chalicelib.settings import memory_gb
from functions.transcribe_speech import core

if TYPE_CHECKING:
    from functions.transcribe_speech.speech_job import JobDeps


@functools.cache
def deps(model: str) -> core.Deps:
    """Return the collaborators of the core with a Whisper, built once per process.

    Raises:
        ModelFailure: this function does not carry the model.
    """
    folder = os.environ["HEADRACE_MODELS_DIR"]
    recogniser = SpeechRecogniser.open(folder, model)
    return core.Deps(recogniser, SpeakerEncoder.open(folder), model, time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Write down the recording in `event`, or the part that it names, or take a step of a job."""
    if "step" in event:
        return _step(event)
    if "data" in event:
        call = TranscribeRequest.model_validate(event)
        with observed("transcribe_speech", call.correlation_id):
            model = deps(call.transcriber or MODEL)
            return core.write_down(call, model).model_dump(mode="json")
    part = TranscribePartRequest.model_validate(event)
    with observed("transcribe_speech", part.correlation_id):
        return _part(part).model_dump(mode="json")


def _part(request: TranscribePartRequest) -> TranscribePartResult:
    """Write down a part; only this needs a client of S3, which takes time to load."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.s3 import S3Objects

    model = deps(request.transcriber or MODEL)
    return core.run(request, S3Objects(aws.s3()), memory_gb(os.environ), model)


def _step(event: dict[str, Any]) -> dict[str, Any]:
    """Take a step of a transcription job, whose collaborators take time to load."""
    from functions.transcribe_speech import job_steps

    with observed(f"{event['step']}_speech", event["correlation_id"]):
        return job_steps.take(event, job_deps())


@functools.cache
def job_deps() -> JobDeps:
    """Return the collaborators of the steps of jobs, built once per process."""
    from functions.transcribe_speech import job_steps

    return job_steps.deps(os.environ)
