"""A filter selects the documents whose vectors a search by it would see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, reject, settings

from chalicelib.contracts.documents import Document
from chalicelib.errors import InvalidInput
from functions.run_schedule.document_filter import matches
from localcloud.s3vectors.filters import parse_filter
from tests.soak import often
from tests.unit.jobs.examples import NOW
from tests.unit.retrieval.search.test_filters import compiled, documents, nested, wire


def record(described: dict[str, Any]) -> Document:
    """Return the record of a document whose vectors the index describes so."""
    at = described["uploaded_at"]
    return Document.model_validate(
        {
            **described,
            "uploaded_at": datetime.fromtimestamp(at, UTC) if at else None,
            "document_id": "doc",
            "version": "v",
            "status": "ready",
            "created_at": NOW,
            "updated_at": NOW,
        }
    )


@settings(max_examples=often(1_000, 60))
@given(nested, documents)
def test_a_document_should_meet_a_filter_exactly_if_its_vectors_do(
    written: dict[str, Any], described: dict[str, Any]
) -> None:
    try:
        condition = compiled(written)
    except InvalidInput:
        reject()
    assert condition is not None
    expected = parse_filter(condition).matches(wire(described))
    assert matches(condition, record(described)) == expected


def test_no_filter_should_be_met_by_all() -> None:
    described = {"collection": "c", "path": "a.md", "uploaded_at": 0}
    assert matches(None, record(described))
