"""The Lambda function `improve_model`."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.events import EventBridgeBus
from chalicelib.adapters.model_registry import ModelRegistry
from chalicelib.adapters.records.improvements import ImprovementTable
from chalicelib.adapters.records.labelling import LabelTable
from chalicelib.adapters.s3 import S3Objects
from chalicelib.adapters.s3_streams import S3Archives
from chalicelib.contracts.improvement import ImproveModelRequest
from chalicelib.jobs.ulids import ulid
from chalicelib.labelling.tasks import LabellingTasks
from chalicelib.observability import observed
from chalicelib.settings import RolloutSettings
from functions.improve_model import core
from functions.improve_model.pair_source import PairSource


@dataclass(frozen=True, slots=True)
class _Objects:
    objects: S3Objects
    archives: S3Archives

    def listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        return self.archives.listed(bucket, prefix)

    def read(self, bucket: str, key: str) -> bytes:
        return self.objects.read(bucket, key)

    def write(self, bucket: str, key: str, body: bytes) -> None:
        self.objects.write(bucket, key, body, {})


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RolloutSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    objects = _Objects(S3Objects(aws.s3()), S3Archives(aws.s3()))
    return core.Deps(
        records=ImprovementTable(table),
        pairs=PairSource(LabellingTasks(LabelTable(table), _now, lambda: ulid(_now())), objects),
        registry=ModelRegistry(aws.sagemaker()),
        bus=EventBridgeBus(aws.events(), settings.event_bus),
        now=_now,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do one step of the run that `event` names."""
    request = ImproveModelRequest.model_validate(event)
    with observed("improve_model", request.run_id):
        return core.run(request, deps()).model_dump(mode="json")
