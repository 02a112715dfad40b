"""The composition root of which models there are, who may ask them, and from where."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, get_args

from chalicelib.errors import InvalidInput
from chalicelib.observability import log_refusal, logger
from chalicelib.settings import ModelSettings, PlaceSettings, RecordsSettings

if TYPE_CHECKING:
    from chalicelib.generation.added_models import StageModels
    from chalicelib.generation.models import Reach
    from chalicelib.generation.requirements import CallRegion

_DEFAULT_REGION = "us-east-1"


def models_of(
    environ: Mapping[str, str], believed_seconds: float = 0.0
) -> Callable[[str], frozenset[str] | None]:
    """Return what tells the models that a tenant may use, None for all. What it told is believed
    for so many seconds.
    """
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.models import AllowedModelRecords
    from chalicelib.adapters.records.tenant_cache import TenantCache

    settings = RecordsSettings.from_environ(environ)
    records = AllowedModelRecords(DynamoTable(aws.dynamodb(), settings.records_table))
    if not believed_seconds:
        return records.allowed
    return TenantCache(records.allowed, time.monotonic, believed_seconds)


@functools.cache
def _stage_models(settings: ModelSettings) -> Callable[[], StageModels]:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.added_models import AddedModelRecords
    from chalicelib.generation.added_models import ModelReader
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.generation.model_file import served_models

    records = AddedModelRecords(DynamoTable(aws.dynamodb(), settings.records_table))
    return ModelReader(
        served=served_models(),
        prices=catalogue().prices,
        read_added=lambda: records.read()[0],
        shared_queues=settings.queues_shared,
        monotonic=time.monotonic,
        on_error=lambda error: log_refusal(logger("models"), error),
    ).read


def stage_models(environ: Mapping[str, str]) -> Callable[[], StageModels]:
    """Return what reads the models of the stage, one reader for all of a process."""
    return _stage_models(ModelSettings.from_environ(environ))


def place(environ: Mapping[str, str]) -> CallRegion:
    """Return where calls are made from, and how far from there they may be worked on."""
    from chalicelib.generation.requirements import CallRegion

    settings = PlaceSettings.from_environ(environ)
    return CallRegion(
        environ.get("AWS_REGION", _DEFAULT_REGION),
        _reach(settings.model_reach),
        image_region=settings.image_region,
    )


def _reach(written: str) -> Reach:
    from chalicelib.generation.models import Reach

    for known in get_args(Reach):
        if written == known:
            reach: Reach = known
            return reach
    raise InvalidInput(
        f"HEADRACE_MODEL_REACH is {written!r}; it is one of {', '.join(get_args(Reach))}.",
        field="HEADRACE_MODEL_REACH",
    )
