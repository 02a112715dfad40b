"""Extractions and extractors as the records table keeps them, on a DynamoDB in this process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.calibrations import CalibrationTable
from chalicelib.adapters.records.documents import ApiDocumentTable
from chalicelib.adapters.records.extractions import ExtractionTable
from chalicelib.adapters.records.extractors import ExtractorTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.contracts.calibrations import (
    ConfidenceMap,
    ExtractorCalibration,
    HeldOutCalibration,
)
from chalicelib.contracts.extraction_reviews import ExtractionReview
from chalicelib.contracts.extractions import ExtractionFacts
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from chalicelib.labelling.extraction_library import StoredExtraction
from chalicelib.labelling.extractors import ExtractorLibrary, inline_terms
from tests.unit.ingest.conftest import dynamodb, records, table
from tests.unit.labelling.extraction_fakes import FakeExtractors

__all__ = ["dynamodb", "records", "table"]

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
DOCUMENT = "doc_" + "a" * 24
OTHER = "doc_" + "b" * 24
ULID = "01J9ZQ3V5B8X6N2M4K7T0RWFHD"
LATER = "01J9ZQ3V5B8X6N2M4K7T0RWFHZ"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}


def facts(document: str = DOCUMENT, ulid: str = ULID, **fields: Any) -> ExtractionFacts:
    told = {
        "extraction_id": f"ext_{document.removeprefix('doc_')}_{ulid}",
        "document_id": document,
        "version": "v_1",
        "collection": "default",
        "path": "a.pdf",
        "schema_sha256": "s",
        "status": "needs_review",
        "pages": 1,
        "fields": 2,
        "found": 1,
        "lowest_confidence": 0.25,
        "created_at": NOW,
        "updated_at": NOW,
        "receipt": Receipt(),
    }
    return ExtractionFacts.model_validate(told | fields)


@pytest.fixture
def extractions(table: DynamoTable, records: IngestTable) -> ExtractionTable:
    for document in (DOCUMENT, OTHER):
        table.put(Put({"pk": "TENANT#acme", "sk": f"DOCUMENT#{document}", "latest_order": "1"}))
    return ExtractionTable(table)


def test_the_least_certain_should_wait_first_until_it_is_decided(
    extractions: ExtractionTable,
) -> None:
    sure, unsure = facts(OTHER, lowest_confidence=0.9), facts()
    complete = facts(ulid=LATER, status="complete")
    for each in (sure, unsure, complete):
        extractions.add("acme", each)
    assert extractions.add("acme", facts(path="other.pdf")).facts.path == "a.pdf", "it stays"
    waiting = [name for _, name in extractions.waiting("acme", "")]
    assert waiting == [unsure.extraction_id, sure.extraction_id]
    place = next(extractions.waiting("acme", ""))[0]
    assert [name for _, name in extractions.waiting("acme", place)] == [sure.extraction_id]

    found = extractions.extraction("acme", unsure.extraction_id)
    assert found is not None
    surer = StoredExtraction(facts(lowest_confidence=0.95), found.review)
    assert extractions.change("acme", found, surer), "it was read again"
    waiting = [name for _, name in extractions.waiting("acme", "")]
    assert waiting == [sure.extraction_id, unsure.extraction_id], "its place has changed"
    found = surer
    done = StoredExtraction(facts(status="reviewed"), found.review, found.revision + 1)
    assert extractions.change("acme", found, done)
    assert not extractions.change("acme", found, done), "somebody was quicker"
    assert [name for _, name in extractions.waiting("acme", "")] == [sure.extraction_id]
    listed = [each.facts.extraction_id for each in extractions.extractions("acme", "", "")]
    assert listed == [unsure.extraction_id, complete.extraction_id, sure.extraction_id]
    of_one = extractions.extractions("acme", DOCUMENT, unsure.extraction_id)
    assert [each.facts.extraction_id for each in of_one] == [complete.extraction_id]
    ids = [*extractions.extraction_ids("acme")]
    assert ids == listed
    assert [each.facts.extraction_id for each in extractions.extractions_of("acme", ids)] == ids
    newest = extractions.extractions("acme", DOCUMENT, "", newest_first=True)
    assert [each.facts.extraction_id for each in newest] == [
        complete.extraction_id,
        unsure.extraction_id,
    ]
    before = StoredExtraction(complete, ExtractionReview())
    begun = StoredExtraction(facts(ulid=LATER), ExtractionReview(), before.revision + 1)
    assert extractions.change("acme", before, begun)
    assert complete.extraction_id in {name for _, name in extractions.waiting("acme", "")}


def test_extractions_should_go_with_their_document(
    extractions: ExtractionTable, table: DynamoTable
) -> None:
    extractions.add("acme", facts())
    extractions.add("acme", facts(ulid=LATER, version="v_2", status="complete"))
    extractions.add("acme", facts(OTHER))
    assert extractions.forget_versions("acme", DOCUMENT, frozenset({"v_1"})) == 2
    assert ApiDocumentTable(table).forget("acme", DOCUMENT, [], "1") == 1
    with pytest.raises(NotFound, match="removed meanwhile"):
        extractions.add("acme", facts())
    assert [name for _, name in extractions.waiting("acme", "")] == [facts(OTHER).extraction_id]
    with pytest.raises(NotFound, match="no such extraction"):
        extractions.extraction("acme", "ext_x#y")


def test_an_extractor_should_have_versions_that_stay(
    table: DynamoTable, records: IngestTable
) -> None:
    library = ExtractorLibrary(ExtractorTable(table), lambda: NOW)
    first = library.create("acme", "invoices", SCHEMA, "Totals")
    assert library.put("acme", "invoices", SCHEMA, "Totals") == first, "nothing differs"
    wider = {**SCHEMA, "properties": {**SCHEMA["properties"], "due": {"type": "string"}}}
    second = library.put("acme", "invoices", wider, "Totals")
    assert (first.version, second.version) == (1, 2)
    assert library.version("acme", "invoices", 1).json_schema == SCHEMA
    assert library.version("acme", "invoices", None) == second
    assert library.terms("acme", "invoices", None).extractor == "invoices@2"
    assert not library.records.add("acme", first, second), "another version came meanwhile"
    with pytest.raises(Conflict, match="PUT /v1/extractors/invoices"):
        library.create("acme", "invoices", SCHEMA, "")
    with pytest.raises(NotFound, match="has no version 3"):
        library.version("acme", "invoices", 3)
    with pytest.raises(NotFound):
        library.version("rival", "invoices", None)
    assert [each.name for each in library.records.heads("acme", "")] == ["invoices"]
    library.remove("acme", "invoices")
    assert list(library.records.heads("acme", "")) == []
    assert library.records.version("acme", "invoices", 1) is None
    with pytest.raises(NotFound):
        library.remove("acme", "invoices")


def test_a_schema_that_is_too_large_should_be_refused_with_the_limit() -> None:
    large = {**SCHEMA, "description": "x" * 70_000}
    with pytest.raises(InvalidInput, match="65536") as told:
        inline_terms(large)
    assert (told.value.field, told.value.limit) == ("json_schema", "65536")


def test_an_extractor_should_not_have_versions_without_end() -> None:
    records = FakeExtractors()
    library = ExtractorLibrary(records, lambda: NOW)
    last = library.create("acme", "many", SCHEMA, "").model_copy(update={"version": 1_000})
    records.kept["acme", "many"] = [last]
    with pytest.raises(QuotaExceeded, match="1000"):
        library.put("acme", "many", SCHEMA, "another description")


def test_versions_of_a_calibration_should_stay_and_the_newest_be_used_until_it_is_retired(
    table: DynamoTable, records: IngestTable
) -> None:
    calibrations = CalibrationTable(table)
    judged = HeldOutCalibration(
        documents=10,
        rows=100,
        wrong=20,
        auroc_low=0.8,
        brier_before=0.2,
        brier_after=0.1,
        gain_low=0.05,
    )
    first, second = (
        ExtractorCalibration(
            extractor="bills",
            version=number,
            maps={"value": ConfidenceMap(slope=0.5, shift=number)},
            documents=20,
            rows=200,
            held_out=judged,
            created_at=NOW,
        )
        for number in (1, 2)
    )
    assert calibrations.newest("acme", "bills") is None
    assert calibrations.add("acme", first)
    assert calibrations.add("acme", second)
    assert not calibrations.add("acme", first), "a version stays as it is"
    assert calibrations.newest("acme", "bills") == second
    assert calibrations.version("acme", "bills", 1) == first
    assert calibrations.count("acme", "bills") == 2
    calibrations.retire("acme", "bills")
    assert calibrations.newest("acme", "bills") is None
    assert calibrations.count("acme", "bills") == 2
