"""Documents of a tenant in memory, and a job that extracts from them as its machine runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from chalicelib.contracts.batches import ChildrenUsed
from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.extraction_models import ModelTerms
from chalicelib.contracts.extraction_orders import DocumentItem, ExtractionInput, ExtractionTerms
from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentsRequest,
)
from chalicelib.contracts.indexes import IndexRef, TenantState
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jobs import StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.extraction.storage import TERMS
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext
from chalicelib.labelling.extractors import inline_terms
from chalicelib.retrieval.ids import pages_key, words_key
from functions.extract_fields import core
from functions.extract_fields.field_index import FieldIndex
from functions.extract_fields.job_documents import ChildSeconds, JobDocuments
from functions.extract_fields.job_steps import JobSteps
from functions.extract_fields.label_learner import LabelLearner
from functions.extract_fields.packet_extractor import PacketExtractor
from functions.extract_fields.time_limit import time_limit
from functions.extract_fields.version_extractor import VersionExtractor
from tests.unit.api.records import FakeRecords, document
from tests.unit.batches.fakes import FakeBatchObjects
from tests.unit.functions.extract_fields.fakes import (
    FakeSelector,
    FakeWholeVectors,
    LabelledLines,
)
from tests.unit.ingest.fakes import FakeBus
from tests.unit.jobs.examples import BUCKET, JOB, NOW, given
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.labelling.extraction_fakes import FakeCalibrations, FakeExtractions, FakeExtractors

PREFIX = f"jobs/acme/{JOB}/"
ULID = "01J9ZQ3V5B8X6N2M4K7T0RWFHZ"
SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "total": {"type": "number"},
        "due": {"type": "string", "format": "date"},
    },
}
INVOICE = "number: A-17\ntotal: 41.50"
INDEX = IndexRef("bucket", "acme", "model")


@dataclass
class World:
    """A tenant, its documents, and at most one job."""

    reader: LabelledLines = field(default_factory=LabelledLines)
    selector: FakeSelector = field(default_factory=FakeSelector)
    objects: FakeBatchObjects = field(default_factory=FakeBatchObjects)
    documents: FakeRecords = field(default_factory=FakeRecords)
    records: FakeExtractions = field(default_factory=FakeExtractions)
    calibrations: FakeCalibrations = field(default_factory=FakeCalibrations)
    extractors: FakeExtractors = field(default_factory=FakeExtractors)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    bus: FakeBus = field(default_factory=FakeBus)
    now: Any = NOW
    vectors: FakeWholeVectors = field(default_factory=FakeWholeVectors)
    removed: bool = False
    """Whether documents are removed while their vectors are written."""
    waits: list[int] = field(default_factory=list)
    child_fails: dict[str, Any] | None = None
    seconds_a_look: float = 0.0
    seconds: ChildSeconds = field(default_factory=ChildSeconds)
    clock: float = 0.0

    def add_packet(self, path: str, *texts: str) -> Document:
        """Add a document of several pages, without boxes."""
        media_type = "application/pdf"
        added = document(path, version="v_1", pages=len(texts), media_type=media_type)
        self.documents.add(added)
        pages = [Page(page=number, text=text) for number, text in enumerate(texts, start=1)]
        key = pages_key("acme", added.document_id, "v_1")
        self.objects.bodies[key] = dump_lines(pages)
        return added

    def add(self, path: str, text: str = INVOICE, **fields: Any) -> Document:
        """Add a document of one page, whose first word has a box."""
        added = document(path, version="v_1", pages=1, media_type="application/pdf", **fields)
        self.documents.add(added)
        place = ("acme", added.document_id, "v_1")
        word = WordBox(8, 12, 10.0, 20.0, 30.0, 28.0)
        words = PageWords(page=1, width=600, height=800, words=(word,))
        self.objects.bodies[pages_key(*place)] = dump_lines([Page(page=1, text=text)])
        self.objects.bodies[words_key(*place)] = dump_lines([words])
        return added

    def request(self, of: Document, **fields: Any) -> ExtractDocumentRequest:
        """Return a request for one document."""
        told = {
            "tenant": "acme",
            "bucket": BUCKET,
            "extraction_id": f"ext_{of.document_id.removeprefix('doc_')}_{ULID}",
            "document_id": of.document_id,
            "terms": inline_terms(SCHEMA),
            "correlation_id": "c",
        }
        return ExtractDocumentRequest.model_validate(told | fields)

    def body(self, key: str) -> Any:
        """Return the JSON of an object."""
        return json.loads(self.objects.bodies[key])

    def lines(self, name: str) -> list[Any]:
        """Return the lines of a file of the job."""
        return [json.loads(line) for line in self.objects.bodies[PREFIX + name].splitlines()]

    def begin(
        self,
        *document_ids: str,
        collection: str = "",
        others: tuple[ExtractionTerms, ...] = (),
        split: bool = False,
        model: ModelTerms | None = None,
    ) -> None:
        """Write the terms of a job and begin it."""
        content = ExtractionInput(
            terms=inline_terms(SCHEMA).model_copy(update={"model": model}),
            others=others,
            split=split,
            document_ids=document_ids,
            collection=collection,
        )
        self.objects.bodies[PREFIX + TERMS] = content.model_dump_json().encode()
        self.launcher.launch(given("extraction", collection=collection))

    @property
    def launcher(self) -> JobLauncher:
        return JobLauncher(self.jobs, FakeJobExecutions(), lambda: self.now)

    @property
    def state(self) -> JobState:
        return self.jobs.kept["acme", JOB]

    def run(self) -> StepResult:
        """Run one execution of the newest attempt to its end."""
        request = StepRequest.model_validate(self.state.input.model_dump())
        result: StepResult = self.do(request)
        for _ in range(50):
            children: dict[str, Any] = {}
            if result.next == "ended":
                return result
            if result.next == "generate":
                self.waits.append(result.seconds)
                self.now += timedelta(seconds=result.seconds)
                children = self._fan_out(result)
            result = self.do(StepRequest.model_validate({**request.model_dump(), **children}))
        raise AssertionError("it does not end")

    def do(self, request: Any) -> Any:
        """Ask the function."""
        return core.run(request, self.deps)

    @property
    def index(self) -> FieldIndex:
        return FieldIndex(self.records, self, self.documents, self.objects, self.vectors)

    # The documents whose vectors are there, as the index of fields looks them up.

    def document(self, tenant: str, document_id: str) -> Document | None:
        return None if self.removed else self.documents.document(tenant, document_id)

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        return self.documents.version(tenant, document_id, version)

    def tenant_state(self, tenant: str) -> TenantState | None:
        return TenantState(INDEX)

    @property
    def deps(self) -> core.Deps:
        versions = VersionExtractor(
            documents=self.documents,
            records=self.records,
            calibrations=self.calibrations,
            objects=self.objects,
            bus=self.bus,
            extractor=lambda: self.reader,
            cost=lambda unit, quantity: round(quantity * 1000),
            memory_gb=2.0,
            clock=self._tick,
            now=lambda: self.now,
            limit=time_limit,
            index=self.index.index,
            selector=lambda: self.selector,
        )
        desk = StepContext(self.jobs, lambda: self.now, lambda: 0.0, 1.0)
        return core.Deps(
            versions,
            JobDocuments(
                self.jobs,
                self.objects,
                versions.extract,
                PacketExtractor(versions, lambda: self.reader, self._tick, time_limit),
                self._tick,
                2.0,
                self.seconds,
            ),
            JobSteps(desk, self.objects, self.documents, self.extractors),
            self.index,
            LabelLearner(
                versions, self.records, self.objects, lambda: self.reader, self._tick, time_limit
            ),
        )

    def _fan_out(self, step: StepResult) -> dict[str, Any]:
        lines = self.objects.bodies[step.key].splitlines()
        items = [DocumentItem.model_validate_json(line) for line in lines]
        batches = list(_batches(items, step.items_a_child))
        for some in batches if self.child_fails is None else ():
            told = {
                "Items": [each.model_dump() for each in some],
                "BatchInput": {**self.state.input.model_dump(), "epoch": step.epoch},
            }
            self.do(ExtractDocumentsRequest.model_validate(told))
        used = ChildrenUsed(children=len(batches), seconds=1, gb_seconds=2)
        error = {"error": self.child_fails} if self.child_fails else {}
        return {"children": used.model_dump(), **error}

    def _tick(self) -> float:
        self.clock += self.seconds_a_look
        return self.clock


def _batches(items: list[DocumentItem], size: int) -> Iterator[list[DocumentItem]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
