"""Leaves for tests: one of each kind."""

from __future__ import annotations

from pydantic import JsonValue

from chalicelib.extraction.schema import Leaf, extraction_schema

KINDS: dict[str, JsonValue] = {
    "text": {"type": "string"},
    "address": {"type": "string", "x-kind": "address"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "money": {"type": "number", "x-kind": "money"},
    "percent": {"type": "number", "x-kind": "percent"},
    "quantity": {"type": "number", "x-kind": "quantity"},
    "date": {"type": "string", "format": "date"},
    "date_time": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "format": "time"},
    "boolean": {"type": "boolean"},
    "enum": {"enum": ["monthly", "paid yearly"], "x-enum-synonyms": {"monthly": ["each month"]}},
    "currency": {"type": "string", "x-kind": "currency"},
    "iban": {"type": "string", "x-kind": "iban"},
    "vat": {"type": "string", "x-kind": "vat"},
    "phone": {"type": "string", "x-kind": "phone"},
    "email": {"type": "string", "format": "email"},
    "url": {"type": "string", "format": "uri"},
    "identifier": {"type": "string", "x-kind": "identifier"},
    "pattern": {"type": "string", "pattern": "^INV-[0-9]{4}$"},
}


def leaf(name: str, **more: JsonValue) -> Leaf:
    """Return the leaf of a kind, with more keywords of its schema."""
    source = KINDS[name]
    assert isinstance(source, dict)
    return extraction_schema({"properties": {name: {**source, **more}}}).leaves[0]
