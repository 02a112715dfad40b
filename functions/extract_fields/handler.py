"""The Lambda function `extract_fields`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.events import EventBridgeBus
from chalicelib.adapters.records.calibrations import CalibrationTable
from chalicelib.adapters.records.collections import CollectionTable
from chalicelib.adapters.records.documents import ApiDocumentTable
from chalicelib.adapters.records.extractions import ExtractionTable
from chalicelib.adapters.records.extractors import ExtractorTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.adapters.s3vectors import Indexes
from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentsRequest,
    IndexFieldsRequest,
    LearnLabelsRequest,
)
from chalicelib.contracts.jobs import StepRequest
from chalicelib.extraction.extractor import FieldExtractor
from chalicelib.generation.catalogue import catalogue
from chalicelib.inference.embedder import Embedder
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.settings import ExtractSettings, memory_gb
from functions.extract_fields import core
from functions.extract_fields.field_index import FieldIndex
from functions.extract_fields.job_documents import JobDocuments
from functions.extract_fields.job_steps import JobSteps
from functions.extract_fields.label_learner import LabelLearner
from functions.extract_fields.packet_extractor import PacketExtractor
from functions.extract_fields.time_limit import time_limit
from functions.extract_fields.version_extractor import VersionExtractor

if TYPE_CHECKING:
    from chalicelib.extraction.span_selection.selector import SpanSelector


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = ExtractSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    jobs, objects = JobTable(table), S3BatchObjects(aws.s3())
    documents, memory = ApiDocumentTable(table), memory_gb(os.environ)
    records = ExtractionTable(table)
    vectors = Indexes(aws.s3vectors())
    fields = FieldIndex(records, documents, CollectionTable(table), objects, vectors)
    versions = VersionExtractor(
        documents=documents,
        records=records,
        calibrations=CalibrationTable(table),
        objects=objects,
        bus=EventBridgeBus(aws.events(), settings.event_bus),
        extractor=extractor,
        cost=catalogue().cost,
        memory_gb=memory,
        clock=time.perf_counter,
        now=_now,
        limit=time_limit,
        index=fields.index,
        selector=selector,
    )
    return core.Deps(
        versions=versions,
        children=JobDocuments(
            jobs,
            objects,
            versions.extract,
            PacketExtractor(versions, extractor, time.perf_counter, time_limit),
            time.perf_counter,
            memory,
        ),
        steps=JobSteps(
            StepContext(jobs, _now, time.perf_counter, memory),
            objects,
            documents,
            ExtractorTable(table),
        ),
        fields=fields,
        labels=LabelLearner(versions, records, objects, extractor, time.perf_counter, time_limit),
    )


@functools.cache
def extractor() -> FieldExtractor:
    """Return the extractor with the embedder of the bundle, opened once per process."""
    return FieldExtractor.open(Embedder.open(os.environ["HEADRACE_MODELS_DIR"]))


@functools.cache
def selector() -> SpanSelector:
    """Return what asks language models about open fields, built when the first one is named."""
    from chalicelib.extraction.span_selection.selector import SpanSelector
    from chalicelib.wiring.generation import generator
    from chalicelib.wiring.models import stage_models

    answers, models = generator(os.environ), stage_models(os.environ)
    return SpanSelector(lambda: answers, lambda: models().models)


def _now() -> datetime:
    return datetime.now(UTC)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Extract from documents of `event`, index or learn from what was, or do a step of a job."""
    request: core.Request
    if "Items" in event:
        request = ExtractDocumentsRequest.model_validate(event)
    elif "kind" in event:
        request = StepRequest.model_validate(event)
    elif "folder" in event:
        request = IndexFieldsRequest.model_validate(event)
    elif "extraction_ids" in event:
        request = LearnLabelsRequest.model_validate(event)
    else:
        request = ExtractDocumentRequest.model_validate(event)
    with observed("extract_fields", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
