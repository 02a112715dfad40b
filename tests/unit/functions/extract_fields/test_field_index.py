"""Extracted values as metadata of vectors, by which searches filter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.contracts.collections import Declaration
from chalicelib.contracts.documents import Document
from chalicelib.contracts.functions.extract_fields import IndexFieldsRequest
from chalicelib.extraction.schema import extraction_schema
from chalicelib.labelling.extractors import inline_terms
from chalicelib.labelling.search_fields import search_fields
from chalicelib.retrieval.ids import vector_key
from tests.unit.functions.extract_fields.world import INVOICE, SCHEMA, World
from tests.unit.ingest.examples import version
from tests.unit.jobs.examples import BUCKET, NOW

GIVEN = {"document_id": "d", "text": "t", "m_team": "north", "m_number": "mine", "m_due": "old"}
TERMS = inline_terms(SCHEMA).model_copy(update={"extractor": "bills@1"})
DECLARED = Declaration(name="bills", extractor="bills", created_at=NOW, updated_at=NOW)


@pytest.fixture
def world() -> World:
    return World()


def invoice_of(world: World, text: str = INVOICE) -> tuple[Document, str]:
    """Add a document with one passage, whose own metadata are a team and a number."""
    added = world.add("a.pdf", text, collection="bills")
    metadata = {"team": "north", "number": "mine"}
    world.documents.uploads["acme", added.document_id, "v_1"] = version(
        "v_1", document_id=added.document_id, chunks=1, metadata=metadata
    )
    world.documents.declare("acme", DECLARED)
    key = vector_key(added.document_id, "v_1", 0)
    world.vectors.metadata[key] = dict(GIVEN)
    return added, key


def test_values_should_filter_beside_what_the_user_gave(world: World) -> None:
    invoice, key = invoice_of(world)
    world.do(world.request(invoice, terms=TERMS))
    assert world.vectors.metadata[key] == {
        "document_id": "d",
        "text": "t",
        "m_team": "north",
        "m_number": "mine",
        "m_total": 41.5,
    }


def test_doubtful_values_should_filter_once_a_person_has_reviewed_them(world: World) -> None:
    invoice, key = invoice_of(world, INVOICE + "\nunsure")
    made = world.do(world.request(invoice, terms=TERMS))
    assert world.vectors.metadata[key] == GIVEN
    body = world.objects.bodies[made.prefix + "result.json"].replace(b"41.5", b"42.5")
    world.objects.bodies[made.prefix + "reviewed/result.json"] = body
    request = IndexFieldsRequest(
        tenant="acme",
        bucket=BUCKET,
        extraction_id=made.extraction_id,
        folder="reviewed/",
        correlation_id="c",
    )
    assert world.do(request).vectors == 1
    assert world.vectors.metadata[key]["m_total"] == 42.5
    assert world.do(request).vectors == 0, "a repeat changes nothing"


def test_a_document_within_a_packet_should_filter_its_own_passages(world: World) -> None:
    invoice, key = invoice_of(world)
    made = world.do(world.request(invoice, terms=TERMS))
    kept, at = world.records.kept, ("acme", made.extraction_id)
    part = kept[at].facts.model_copy(update={"first_page": 2})
    kept[at] = replace(kept[at], facts=part)
    other = vector_key(invoice.document_id, "v_1", 1)
    version_key = ("acme", invoice.document_id, "v_1")
    whole = world.documents.uploads[version_key]
    world.documents.uploads[version_key] = whole.model_copy(update={"chunks": 2, "pages": 2})
    world.vectors.metadata = {key: {**GIVEN, "page": 1}, other: {**GIVEN, "page": 2}}
    request = IndexFieldsRequest(
        tenant="acme",
        bucket=BUCKET,
        extraction_id=made.extraction_id,
        folder="",
        correlation_id="c",
    )
    assert world.do(request).vectors == 1
    totals = [world.vectors.metadata[each].get("m_total") for each in (key, other)]
    assert totals == [None, 41.5]


@pytest.mark.parametrize("extractor", [None, "others"])
def test_an_extractor_that_the_collection_does_not_name_should_change_no_filter(
    world: World, extractor: str | None
) -> None:
    invoice, key = invoice_of(world)
    world.documents.declare("acme", DECLARED.model_copy(update={"extractor": extractor}))
    world.do(world.request(invoice, terms=TERMS))
    assert world.vectors.metadata[key] == GIVEN


def test_no_vector_should_come_back_of_a_document_that_is_removed_meanwhile(world: World) -> None:
    invoice, _ = invoice_of(world)
    world.removed = True
    world.do(world.request(invoice, terms=TERMS))
    assert world.vectors.metadata == {}


def test_names_types_and_room_should_be_those_of_metadata() -> None:
    properties: dict[str, Any] = {
        "dueDate": {"type": "string", "format": "date"},
        "language": {"type": "string"},
        "seller": {"properties": {"vatNumber": {"type": "string"}}},
        "paid": {"type": "boolean"},
        "note": {"type": "string"},
        "total": {"type": "number"},
    }
    leaves = extraction_schema({"properties": properties}).leaves
    values: dict[str, Any] = {
        "dueDate": "2025-03-14",
        "language": "de",
        "seller": {"vatNumber": "DE136695976"},
        "paid": False,
        "note": "x" * 300,
        "total": None,
    }
    assert search_fields(leaves, values, {}, None) == {
        "due_date": "2025-03-14",
        "due_date_day": 20250314,
        "seller_vat_number": "DE136695976",
        "paid": False,
    }
    strict = DECLARED.model_copy(update={"fields": {"paid": "string"}, "strict": True})
    assert search_fields(leaves, values, {}, strict) == {}
    full: dict[str, Any] = {f"n{n}": n for n in range(19)}
    assert list(search_fields(leaves, values, full, None)) == ["due_date"]
