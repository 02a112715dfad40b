"""The Lambda function `chunk_document`.

It counts with the embedding model's own tokenizer, so that embedding never truncates a chunk.
"""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.s3 import S3Objects
from chalicelib.contracts.ingest import ChunkRequest
from chalicelib.inference.embedder import Embedder
from chalicelib.observability import observed
from chalicelib.settings import ChunkSettings, memory_gb
from functions.chunk_document import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    embedder = Embedder.open(ChunkSettings.from_environ(os.environ).models_dir)
    return core.Deps(
        objects=S3Objects(aws.s3()),
        count=embedder.count_tokens,
        max_tokens=embedder.max_tokens,
        clock=time.perf_counter,
        memory_gb=memory_gb(os.environ),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Chunk the document version that `event` names."""
    request = ChunkRequest.model_validate(event)
    with observed("chunk_document", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
