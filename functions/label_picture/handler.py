"""The Lambda function `label_picture`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.functions.label_picture import (
    LabelDocumentRequest,
    LabelDocumentResult,
    LabelPictureRequest,
)
from chalicelib.contracts.shots import LabelFramesRequest, LabelFramesResult
from chalicelib.inference.efficientnet import MODEL, EfficientNetLabeller
from chalicelib.inference.image_pages import page_sizes
from chalicelib.observability import observed
from chalicelib.settings import memory_gb
from functions.label_picture import core
from functions.label_picture.frames import label_frames


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    labeller = EfficientNetLabeller.open(os.environ["HEADRACE_MODELS_DIR"])
    return core.Deps(labeller, page_sizes, MODEL, time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Label the image in `event`, or the document or the frames of a film that it names."""
    if "data" in event:
        picture = LabelPictureRequest.model_validate(event)
        with observed("label_picture", picture.correlation_id):
            return core.look(picture, deps()).model_dump(mode="json")
    if "frames" in event:
        frames = LabelFramesRequest.model_validate(event)
        with observed("label_frames", frames.correlation_id):
            return _frames(frames).model_dump(mode="json")
    document = LabelDocumentRequest.model_validate(event)
    with observed("label_picture", document.correlation_id):
        return _document(document).model_dump(mode="json")


def _document(request: LabelDocumentRequest) -> LabelDocumentResult:
    """Label a document; only this needs a client of S3, which takes time to load."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.s3 import S3Objects

    return core.run(request, S3Objects(aws.s3()), memory_gb(os.environ), deps())


def _frames(request: LabelFramesRequest) -> LabelFramesResult:
    """Label the frames of a film."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.s3 import S3Objects

    objects, clock = S3Objects(aws.s3()), time.perf_counter
    return label_frames(request, objects, deps().labeller, clock, memory_gb(os.environ))
