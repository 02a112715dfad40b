"""The Lambda function `gather_parts`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.contracts.parts import GatherPartsRequest, GatherVectorsRequest
from chalicelib.generation.catalogue import catalogue
from chalicelib.observability import observed
from chalicelib.settings import RecordsSettings, memory_gb
from functions.gather_parts import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RecordsSettings.from_environ(os.environ)
    return core.Deps(
        objects=StreamedObjects(aws.s3()),
        tenants=IngestTable(DynamoTable(aws.dynamodb(), settings.records_table)),
        cost=catalogue().cost,
        clock=time.perf_counter,
        memory_gb=memory_gb(os.environ),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Gather the results of reading the parts, or, if `event` has chunks, of embedding them."""
    if "chunks" in event:
        vectors = GatherVectorsRequest.model_validate(event)
        with observed("gather_vectors", vectors.correlation_id):
            return core.gather_vectors(vectors, deps()).model_dump(mode="json")
    parts = GatherPartsRequest.model_validate(event)
    with observed("gather_parts", parts.correlation_id):
        return core.gather_parts(parts, deps()).model_dump(mode="json")
