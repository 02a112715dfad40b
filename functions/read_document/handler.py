"""The Lambda function `read_document`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.contracts.ingest import ReadRequest
from chalicelib.contracts.parts import ReadPartRequest
from chalicelib.errors import MoreSteps
from chalicelib.observability import observed
from chalicelib.settings import ReadSettings, memory_gb
from functions.read_document import core
from functions.read_document.file_types.detection import identify_by_magika


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = ReadSettings.from_environ(os.environ)
    return core.Deps(
        objects=StreamedObjects(aws.s3()),
        identify=identify_by_magika,
        max_bytes=settings.max_file_bytes,
        clock=time.perf_counter,
        memory_gb=memory_gb(os.environ),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Read the upload, or one part of it, that `event`, the execution's input, names.

    Raises:
        MoreSteps: the upload has parts, or pages to recognise, or is an image; the message is the
            result.
    """
    if "part" in event:
        return _part(ReadPartRequest.model_validate(event))
    request = ReadRequest.model_validate(event)
    with observed("read_document", request.correlation_id):
        result = core.run(request, deps())
    if result.needs_more_steps:
        raise MoreSteps(result.model_dump_json())
    return result.model_dump(mode="json")


def _part(request: ReadPartRequest) -> dict[str, Any]:
    with observed("read_part", request.correlation_id):
        return core.run_part(request, deps()).model_dump(mode="json")
