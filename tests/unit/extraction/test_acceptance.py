"""How sure a value has to be to be given is said by the leaf, the schema, or what was learned."""

from __future__ import annotations

from pydantic import JsonValue

from chalicelib.contracts.ingest import Page
from chalicelib.extraction.document import source_document
from chalicelib.extraction.extractor import FieldExtractor
from chalicelib.extraction.schema import extraction_schema

LETTER = """Northwind Traders

Ref: 4711
Payable by: 2025-03-14
"""
DEADLINE: dict[str, JsonValue] = {"type": "string", "format": "date", "title": "Payable by"}


def given(**more: float) -> tuple[object, float]:
    """Return what is read as the deadline and its confidence, with bounds by name of the place."""
    leaf: JsonValue = {**DEADLINE, "x-min-confidence": more["leaf"]} if "leaf" in more else DEADLINE
    schema: dict[str, JsonValue] = {"type": "object", "properties": {"deadline": leaf}}
    if "root" in more:
        schema["x-min-confidence"] = more["root"]
    document = source_document([Page(page=1, text=LETTER)], None, language="en")
    (field,) = FieldExtractor.open(None).extract(extraction_schema(schema), document).fields
    return field.value, field.confidence


def test_a_value_should_be_given_from_the_bound_that_the_schema_says() -> None:
    value, sure = given(root=0.0)
    assert (value, 0.0 < sure < 1.0) == ("2025-03-14", True)
    assert given(root=round(sure + 0.001, 4))[0] is None
    assert given(root=1.0, leaf=0.0) == (value, sure)
    assert given(root=0.0, leaf=1.0)[0] is None
