"""Of several schemas the one that asks for what a document says fits it best."""

from __future__ import annotations

import json

import pytest
from pydantic import JsonValue

from chalicelib.contracts.ingest import Page
from chalicelib.extraction.document import source_document
from chalicelib.extraction.extractor import FieldExtractor
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.schema_fit import WEIGHTS, parse_schema_fit

LEASE = """Lease

Landlord: Ann Lee
Tenant: Max Ott
Monthly rent: 850.00 EUR
Start of lease: 2025-03-01
"""


def schema(title: str, **kinds: str) -> dict[str, JsonValue]:
    return {
        "type": "object",
        "title": title,
        "properties": {name: {"type": "string", "x-kind": kind} for name, kind in kinds.items()},
    }


def test_a_schema_that_asks_for_what_a_document_says_should_fit_better() -> None:
    extractor = FieldExtractor.open(None)
    document = source_document([Page(page=1, text=LEASE)], None, language="en")
    lease = schema("", landlord="text", tenant="text", monthly_rent="money", start_of_lease="date")
    order = schema("", order_number="identifier", customer="text", ship_to="address", vat="vat")
    asked = [(lease, ""), (order, ""), (lease, "lease"), (lease, "payslips")]
    right, other, named, misnamed = extractor.fit(
        [(extraction_schema(each), name) for each, name in asked], document
    )
    assert right > other
    assert named > misnamed


def test_weights_of_other_features_should_be_refused() -> None:
    document = json.loads(WEIGHTS.read_text("utf-8"))
    document["weights"].pop("called")
    with pytest.raises(ValueError, match="other features"):
        parse_schema_fit(json.dumps(document))
