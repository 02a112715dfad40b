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
    """Plan the parts of a recording, find the shots of a part, or decode the sound of a call."""
    if "data" in event:
        call = DecodeSoundRequest.model_validate(event)
        with observed("decode_sound", call.correlation_id):
            return call_sound.decode_sound(call, time.perf_counter).model_dump(mode="json")
    if "part" in event:
        part = FindShotsRequest.model_validate(event)
        with observed("find_shots", part.correlation_id):
            return film.find_shots(part, deps()).model_dump(mode="json")
    request = ReadMediaRequest.model_validate(event)
    with observed("read_media", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
