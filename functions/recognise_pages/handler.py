"""The Lambda function `recognise_pages`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.contracts.ingest import RecogniseRequest
from chalicelib.contracts.shots import ReadFramesRequest
from chalicelib.generation.catalogue import RECOGNISER
from chalicelib.observability import observed
from chalicelib.settings import memory_gb
from functions.recognise_pages import core
from functions.recognise_pages.engine import recognise
from functions.recognise_pages.frames import read_frames
from functions.recognise_pages.pictures import opened


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    objects = StreamedObjects(aws.s3())
    return core.Deps(
        objects=objects,
        open=functools.partial(opened, objects, recognise),
        model=RECOGNISER,
        clock=time.perf_counter,
        memory_gb=memory_gb(os.environ),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Recognise the pages, or the frames of a film, that `event` names."""
    if "frames" in event:
        frames = ReadFramesRequest.model_validate(event)
        with observed("read_frames", frames.correlation_id):
            objects, clock, memory = deps().objects, deps().clock, deps().memory_gb
            found = read_frames(frames, objects, recognise, clock, memory)
        return found.model_dump(mode="json")
    request = RecogniseRequest.model_validate(event)
    with observed("recognise_pages", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
