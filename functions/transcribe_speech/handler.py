"""The Lambda function `transcribe_speech`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

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


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    folder = os.environ["HEADRACE_MODELS_DIR"]
    recogniser = SpeechRecogniser.open(folder)
    return core.Deps(recogniser, SpeakerEncoder.open(folder), MODEL, time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Write down the recording in `event`, or the part of a document that it names."""
    if "data" in event:
        call = TranscribeRequest.model_validate(event)
        with observed("transcribe_speech", call.correlation_id):
            return core.write_down(call, deps()).model_dump(mode="json")
    part = TranscribePartRequest.model_validate(event)
    with observed("transcribe_speech", part.correlation_id):
        return _part(part).model_dump(mode="json")


def _part(request: TranscribePartRequest) -> TranscribePartResult:
    """Write down a part; only this needs a client of S3, which takes time to load."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.s3 import S3Objects

    return core.run(request, S3Objects(aws.s3()), memory_gb(os.environ), deps())
