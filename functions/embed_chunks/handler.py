"""The Lambda function `embed_chunks`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.tenants import PictureIndexTable
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.adapters.s3vectors import Indexes, Vectors
from chalicelib.contracts.ingest import EmbedRequest
from chalicelib.contracts.parts import EmbedPartRequest
from chalicelib.generation.catalogue import catalogue
from chalicelib.observability import observed
from chalicelib.settings import EmbedSettings, memory_gb
from chalicelib.wiring.embedders import StageEmbedders
from functions.embed_chunks import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = EmbedSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    return core.Deps(
        objects=StreamedObjects(aws.s3()),
        tenants=IngestTable(table),
        vectors=Vectors(aws.s3vectors()),
        pictures=PictureIndexTable(table, Indexes(aws.s3vectors())),
        embedder=StageEmbedders(settings.models_dir, settings.bucket).get,
        cost=catalogue().cost,
        clock=time.perf_counter,
        memory_gb=memory_gb(os.environ),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Embed and index the document version that `event` names, or one part of it."""
    if "part" in event:
        part = EmbedPartRequest.model_validate(event)
        with observed("embed_part", part.correlation_id):
            return core.run_part(part, deps()).model_dump(mode="json")
    request = EmbedRequest.model_validate(event)
    with observed("embed_chunks", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
