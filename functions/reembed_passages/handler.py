"""The Lambda function `reembed_passages`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import Table
from chalicelib.adapters.indexes import Indexes
from chalicelib.adapters.records import Records
from chalicelib.contracts.jobs import ReembedRequest
from chalicelib.inference.embedder import Embedder
from chalicelib.observability import observed
from chalicelib.settings import EmbedSettings, memory_gb
from functions.reembed_passages import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    settings = EmbedSettings.from_environ(os.environ)
    return core.Deps(
        records=Records(Table(aws.dynamodb(), settings.records_table)),
        copies=Indexes(aws.s3vectors()),
        embedder=functools.cache(functools.partial(Embedder.open, settings.models_dir)),
        clock=time.perf_counter,
        memory_gb=memory_gb(os.environ),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Embed the slice that `event` names."""
    request = ReembedRequest.model_validate(event)
    with observed("reembed_passages", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
