"""The steps of transcription jobs with the collaborators of the stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from chalicelib.adapters import aws
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.contracts.functions.transcribe_speech_job import (
    CollectSpeechRequest,
    FindSpeechRequest,
    ReleaseSpeechRequest,
)
from chalicelib.errors import Conflict
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import ServedModel
from chalicelib.generation.transcribers import job_transcriber
from chalicelib.inference.speech.voice_activity import VoiceActivity
from chalicelib.settings import memory_gb
from chalicelib.wiring.budgets import budgets
from functions.transcribe_speech import speech_job

_Request = FindSpeechRequest | CollectSpeechRequest | ReleaseSpeechRequest
_REQUEST: TypeAdapter[_Request] = TypeAdapter(_Request)


def deps(environ: Mapping[str, str]) -> speech_job.JobDeps:
    """Return the collaborators of the steps on the stage that `environ` describes."""

    def budgets_with_id(reservation_id: str) -> speech_job.JobBudgets:
        given: Callable[[], str] = lambda: reservation_id  # noqa: E731 - an id that is made before
        return replace(budgets(environ), new_id=given)

    return speech_job.JobDeps(
        objects=StreamedObjects(aws.s3()),
        detector=VoiceActivity.open(environ["HEADRACE_MODELS_DIR"]),
        budgets=budgets_with_id,
        cost=catalogue().cost,
        clock=time.perf_counter,
        utcnow=lambda: datetime.now(UTC),
        memory_gb=memory_gb(environ),
    )


def take(event: dict[str, Any], using: speech_job.JobDeps) -> dict[str, Any]:
    """Take the step that an event names, and return its result as JSON values.

    Raises as the steps do, and `Conflict` for a transcriber that is not served any more.
    """
    request = _REQUEST.validate_python(event)
    if isinstance(request, ReleaseSpeechRequest):
        speech_job.release(request, using)
        return {}
    model = _model(request.transcriber)
    if isinstance(request, FindSpeechRequest):
        return speech_job.find(request, model, using).model_dump(mode="json")
    return speech_job.collect(request, model, using).model_dump(mode="json")


def _model(name: str) -> ServedModel:
    model = job_transcriber(served_models(), name)
    if model is None:
        raise Conflict(f"{name} transcribes without jobs.", field="transcriber")
    return model
