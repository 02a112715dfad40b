"""The Lambda function `embed_image`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.objects import Objects
from chalicelib.contracts.looking import EmbedDocumentRequest, EmbedImageRequest
from chalicelib.inference.towers import opened
from chalicelib.observability import observed
from chalicelib.settings import memory_gb
from chalicelib.wiring.serving import served_models
from functions.embed_image import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    return core.Deps(served_models(os.environ, opened), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Embed the pictures or texts of `event`, or the picture of the document that it names."""
    if "document_id" in event:
        document = EmbedDocumentRequest.model_validate(event)
        with observed("embed_image", document.correlation_id):
            objects, memory = Objects(aws.s3()), memory_gb(os.environ)
            return core.embed_document(document, objects, memory, deps()).model_dump(mode="json")
    request = EmbedImageRequest.model_validate(event)
    with observed("embed_image", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
