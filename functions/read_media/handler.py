"""The Lambda function `read_media`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.contracts.functions.read_media import DecodeSoundRequest, ReadMediaRequest
from chalicelib.contracts.shots import FindShotsRequest
from chalicelib.errors import MoreSteps
from chalicelib.observability import observed
from chalicelib.settings import ReadSettings, memory_gb
from functions.read_media import call_sound, core, film
from functions.read_media.recording_parts import RecordingLimits


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    return core.Deps(
        objects=StreamedObjects(aws.s3()),
        max_bytes=ReadSettings.from_environ(os.environ).max_file_bytes,
        clock=time.perf_counter,
        memory_gb=memory_gb(os.environ),
        limits=RecordingLimits(),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Plan the parts of a recording, find the shots of a part, or decode the sound of a call.

    Raises:
        MoreSteps: the recording is transcribed by a job; the message is the result.
    """
    if "data" in event:
        call = DecodeSoundRequest.model_validate(event)
        with observed("decode_sound", call.correlation_id):
            return call_sound.decode_sound(call, time.perf_counter).model_dump(mode="json")
    if "part" in event:
        part = FindShotsRequest.model_validate(event)
        with observed("find_shots", part.correlation_id):
            return film.find_shots(part, deps()).model_dump(mode="json")
    return _recording(ReadMediaRequest.model_validate(event))


def _recording(request: ReadMediaRequest) -> dict[str, Any]:
    """Plan the parts of a recording; raise `MoreSteps` if a job transcribes it."""
    with observed("read_media", request.correlation_id):
        result = core.run(request, deps())
    if is_for_job(request.transcriber):
        raise MoreSteps(result.model_dump_json())
    return result.model_dump(mode="json")


def is_for_job(transcriber: str) -> bool:
    """Tell whether the recordings of a collection are transcribed by a job of a service."""
    from chalicelib.generation.model_file import served_models
    from chalicelib.generation.transcribers import job_transcriber

    return bool(transcriber) and job_transcriber(served_models(), transcriber) is not None
