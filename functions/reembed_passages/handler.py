"""The Lambda function `reembed_passages`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.s3vectors import Indexes
from chalicelib.contracts.jobs import ReembedRequest, ReembedResult
from chalicelib.observability import observed
from chalicelib.settings import EmbedSettings, memory_gb
from chalicelib.wiring.embedders import StageEmbedders
from functions.reembed_passages import core, pictures


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = EmbedSettings.from_environ(os.environ)
    return core.Deps(
        records=IngestTable(DynamoTable(aws.dynamodb(), settings.records_table)),
        copies=Indexes(aws.s3vectors()),
        embedder=StageEmbedders(settings.models_dir, settings.bucket).get,
        clock=time.perf_counter,
        memory_gb=memory_gb(os.environ),
    )


def _picture(request: ReembedRequest) -> ReembedResult:
    """Put the new vector of an image; only this needs a client of S3."""
    from chalicelib.adapters.records.tenants import PictureIndexTable
    from chalicelib.adapters.s3 import S3Objects

    settings = EmbedSettings.from_environ(os.environ)
    table, indexes = DynamoTable(aws.dynamodb(), settings.records_table), Indexes(aws.s3vectors())
    return pictures.run(
        request,
        pictures.Deps(
            records=IngestTable(table),
            objects=S3Objects(aws.s3()),
            copies=indexes,
            indexes=PictureIndexTable(table, indexes),
            clock=time.perf_counter,
            memory_gb=memory_gb(os.environ),
        ),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Embed the slice that `event` names, or put the new vector of its image."""
    request = ReembedRequest.model_validate(event)
    with observed("reembed_passages", request.correlation_id):
        if request.picture_model:
            return _picture(request).model_dump(mode="json")
        return core.run(request, deps()).model_dump(mode="json")
