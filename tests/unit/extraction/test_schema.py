"""Schemas as leaves and lists, and what is refused."""

from __future__ import annotations

import contextlib
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue

from chalicelib.errors import InvalidInput
from chalicelib.extraction.schema import ExtractionSchema, LeafKind, extraction_schema
from chalicelib.generation.schemas import schema_violation

TEXT: dict[str, JsonValue] = {"type": "string"}


def test_an_invoice_becomes_leaves_and_lists() -> None:
    schema = extraction_schema(
        {
            "type": "object",
            "required": ["total"],
            "properties": {
                "invoiceDate": {"type": ["string", "null"], "format": "date"},
                "total": {"type": "number", "x-kind": "money", "minimum": 0.1},
                "seller": {
                    "title": "Supplier",
                    "type": "object",
                    "properties": {"vat_id": {"type": "string", "x-kind": "vat"}},
                },
                "lines": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {
                            "item": {"type": "string", "x-synonyms": ["Description"]},
                            "price": {"$ref": "#/$defs/Price"},
                        },
                    },
                },
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
            },
            "$defs": {
                "Price": {
                    "type": "object",
                    "properties": {"amount": {"type": "number"}, "currency": TEXT},
                }
            },
            "x-rules": ["total == sum(lines.price.amount) ± 0.01"],
        }
    )
    date, total, vat = schema.leaves
    assert (date.path, date.pointer, date.kind) == (("invoiceDate",), "/invoiceDate", LeafKind.DATE)
    assert (date.names, date.nullable, date.required) == (("invoice date",), True, False)
    assert (total.kind, total.required, total.nullable) == (LeafKind.MONEY, True, False)
    assert total.constraints.minimum == Decimal("0.1")
    assert (vat.pointer, vat.parents) == ("/seller/vat_id", (("Supplier", "seller"),))
    lines, tags = schema.lists
    assert (lines.pointer, lines.min_items, lines.max_items) == ("/lines", 1, None)
    assert [column.pointer for column in lines.columns] == [
        "/item",
        "/price/amount",
        "/price/currency",
    ]
    assert lines.columns[0].names == ("item", "Description")
    assert (tags.of_scalars, tags.columns[0].pointer, tags.columns[0].kind) == (True, "", "enum")
    assert schema.rules[0].pointers == ("/total", "/lines")


def test_equal_schemas_have_one_hash() -> None:
    one = _schema({"a": TEXT, "b": {"type": "number", "title": "B"}})
    two = _schema({"b": {"title": "B", "type": "number"}, "a": TEXT})
    assert one.sha256 == two.sha256 != _schema({"a": TEXT}).sha256


def test_what_pydantic_writes_is_read() -> None:
    class Party(BaseModel):
        name: str
        vat: str | None = Field(None, pattern="^[A-Z]{2}")

    class Line(BaseModel):
        amount: Decimal
        fee: Decimal | None = None

    class Invoice(BaseModel):
        seller: Party
        buyer: Party | None = None
        lines: list[Line]

    schema = extraction_schema(Invoice.model_json_schema())
    assert [(leaf.pointer, leaf.kind, leaf.nullable) for leaf in schema.leaves] == [
        ("/seller/name", "text", False),
        ("/seller/vat", "identifier", True),
        ("/buyer/name", "text", False),
        ("/buyer/vat", "identifier", True),
    ]
    assert [(column.kind, column.nullable) for column in schema.lists[0].columns] == [
        ("number", False),
        ("number", True),
    ]
    assert (
        schema_violation({"seller": {"name": "A"}, "lines": [{"amount": 1.5}]}, schema.source) == ""
    )


def test_alternatives_of_one_value_each_are_an_enum_with_synonyms() -> None:
    choices: list[JsonValue] = [{"const": "a", "title": "First"}, {"const": "b"}]
    leaf = _schema({"x": {"type": "string", "oneOf": choices}}).leaves[0]
    assert (leaf.kind, leaf.enum, leaf.synonyms) == ("enum", ("a", "b"), {"a": ("First",)})


def test_parts_of_all_of_hold_together() -> None:
    parts: list[JsonValue] = [{"type": "number", "minimum": 1}, {"type": "integer", "minimum": 2}]
    leaf = _schema({"x": {"allOf": parts, "maximum": 9}}).leaves[0]
    assert leaf.kind == LeafKind.INTEGER
    assert (leaf.constraints.minimum, leaf.constraints.maximum) == (Decimal(2), Decimal(9))


CYCLE: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"child": {"$ref": "#/$defs/Node"}, "name": TEXT},
}
LIST_OF: dict[str, JsonValue] = {"type": "array", "items": {"type": "array", "items": TEXT}}
REFUSED: list[tuple[str, dict[str, JsonValue], str]] = [
    ("/properties/x/minimum", {"x": {"type": "number", "minimum": 5, "maximum": 3}}, "maximum"),
    ("/properties/x/minimum", {"x": {"type": "number", "minimum": 10**400}}, "smaller"),
    ("/properties/x/multipleOf", {"x": {"type": "number", "multipleOf": 10**400}}, "smaller"),
    ("/properties/x/maxLength", {"x": {"type": "string", "maxLength": 10**400}}, "smaller"),
    (
        "/properties/x/exclusiveMinimum",
        {"x": {"type": "integer", "exclusiveMinimum": 1, "maximum": 1.9}},
        "maximum",
    ),
    ("/properties/x/minimum", {"x": {"type": "integer", "minimum": 1.2, "maximum": 1.8}}, "lower"),
    (
        "/properties/x/minimum",
        {"x": {"type": "number", "minimum": 11, "maximum": 19, "multipleOf": 10}},
        "lower",
    ),
    ("/properties/x/enum", {"x": {"type": "string", "enum": []}}, "list the values"),
    ("/properties/x/enum", {"x": {"type": "integer", "enum": ["a"]}}, "type"),
    ("/properties/x/enum", {"x": {"enum": ["aa"], "maxLength": 1}}, "correct"),
    ("/properties/x/const", {"x": {"type": "integer", "const": "1"}}, "type"),
    ("/properties/x/minLength", {"x": {"type": "string", "minLength": 5, "maxLength": 3}}, "lower"),
    (
        "/properties/x/minItems",
        {"x": {"type": "array", "items": TEXT, "minItems": 3, "maxItems": 2}},
        "lower",
    ),
    ("/properties/x/maxItems", {"x": {"type": "array", "items": TEXT, "maxItems": 0}}, "raise"),
    ("/properties/x", {"x": {"type": "array"}}, "items"),
    ("/properties/x/items", {"x": LIST_OF}, "object"),
    ("/properties/x/type", {"x": {"type": "null"}}, "type"),
    ("/properties/x/type", {"x": {"type": ["string", "object"]}}, "one type"),
    ("/properties/x", {"x": {}}, "type"),
    ("/properties/x", {"x": False}, "remove"),
    ("/properties/x", {"x": {"type": "object"}}, "properties"),
    ("/properties/x/format", {"x": {"type": "string", "format": "binary"}}, "remove"),
    ("/properties/x/contentEncoding", {"x": {"contentEncoding": "base64"}}, "remove"),
    ("/properties/x/patternProperties", {"x": {"patternProperties": {"^a": TEXT}}}, "properties"),
    ("/properties/x/not", {"x": {"type": "string", "not": {"const": "a"}}}, "x-rules"),
    ("/properties/x/oneOf", {"x": {"oneOf": [TEXT, {"type": "number"}]}}, "name one form"),
    ("/properties/x/anyOf", {"x": {"anyOf": [{"type": "null"}]}}, "name the type"),
    ("/properties/x/$ref", {"x": {"$ref": "https://example.com/a.json"}}, "$defs"),
    ("/properties/x/$ref", {"x": {"$ref": "#/$defs/Nothing"}}, "$defs"),
    ("/properties/x/properties/child/$ref", {"x": {"$ref": "#/$defs/Node"}}, "levels"),
    ("/properties/x/type", {"x": {"allOf": [TEXT, {"type": "number"}]}}, "keep one"),
    ("/properties/x/enum", {"x": {"allOf": [{"enum": [1]}, {"enum": [True]}]}}, "keep one"),
    ("/properties/x/x-kind", {"x": {"type": "number", "x-kind": "date"}}, "string"),
    ("/properties/x/x-kind", {"x": {"type": "string", "x-kind": "dates"}}, "date_time"),
    ("/properties/x/x-synonym", {"x": {"type": "string", "x-synonym": ["a"]}}, "x-synonyms"),
    ("/properties/x/x-synonyms", {"x": {"type": "string", "x-synonyms": "a"}}, "correct"),
    ("/properties/x/x-enum-synonyms/c", {"x": {"enum": ["a"], "x-enum-synonyms": {"c": []}}}, "a"),
    ("/properties/x/x-unit", {"x": {"type": "number", "x-unit": "kg"}}, "quantity"),
    ("/properties/x/x-min-confidence", {"x": {"type": "string", "x-min-confidence": 2}}, "0 to 1"),
    (
        "/properties/x/x-min-confidence",
        {"x": {"type": "array", "items": TEXT, "x-min-confidence": 0.5}},
        "outside of lists",
    ),
    (
        "/properties/x/items/properties/a/x-min-confidence",
        {
            "x": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"a": {"type": "string", "x-min-confidence": 0.5}},
                },
            }
        },
        "outside of lists",
    ),
    ("/properties/x/pattern", {"x": {"type": "string", "pattern": "(?=a)"}}, "syntax"),
    ("/properties/x/type", {"x": {"type": "strin"}}, "draft"),
    ("/properties/x/enum/1", {"x": {"enum": [1, math.inf]}}, "remove"),
    ("/properties/x", {"x": {"\ud800": 1}}, "remove"),
    ("/properties/totalAmount", {"total_amount": TEXT, "totalAmount": TEXT}, "title"),
    ("/properties/b", {"a": {**TEXT, "title": "Total"}, "b": {**TEXT, "title": "total"}}, "title"),
]


@pytest.mark.parametrize(("pointer", "properties", "fix"), REFUSED)
def test_what_no_document_can_fill_is_refused_where_it_stands(
    pointer: str, properties: dict[str, JsonValue], fix: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _schema(properties)
    assert refusal.value.field == f"json_schema{pointer}"
    assert fix.lower() in refusal.value.message.split(". ", 1)[-1].lower(), refusal.value.message


@pytest.mark.parametrize(
    ("source", "pointer", "limit"),
    [
        ({"properties": {f"p{n}": TEXT for n in range(201)}}, "/properties/p200", "200"),
        ({"properties": {"x": TEXT}, "description": "x" * 70_000}, "", "65536"),
        (
            {"properties": {"x": {"enum": [str(n) for n in range(501)]}}},
            "/properties/x/enum",
            "500",
        ),
    ],
)
def test_limits_are_named(source: dict[str, JsonValue], pointer: str, limit: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        extraction_schema(source)
    assert (refusal.value.field, refusal.value.limit) == (f"json_schema{pointer}", limit)


def test_depth_is_limited_and_references_cannot_multiply() -> None:
    nested: dict[str, JsonValue] = {"properties": {"x": TEXT}}
    for _ in range(9):
        nested = {"properties": {"x": nested}}
    with pytest.raises(InvalidInput, match="nested too deeply"):
        extraction_schema(nested)
    deep: JsonValue = TEXT
    for _ in range(100):
        deep = {"allOf": [deep]}
    with pytest.raises(InvalidInput, match="nested too deeply"):
        extraction_schema({"properties": {"x": deep}})
    doubled: dict[str, JsonValue] = {"d0": TEXT}
    for n in range(20):
        doubled[f"d{n + 1}"] = {"allOf": [{"$ref": f"#/$defs/d{n}"}] * 2}
    with pytest.raises(InvalidInput, match="references"):
        extraction_schema({"properties": {"x": {"$ref": "#/$defs/d20"}}, "$defs": doubled})
    chained: dict[str, JsonValue] = {"d0": TEXT}
    chained |= {f"d{n + 1}": {"$ref": f"#/$defs/d{n}"} for n in range(1000)}
    with pytest.raises(InvalidInput, match="one after another"):
        extraction_schema({"properties": {"x": {"$ref": "#/$defs/d1000"}}, "$defs": chained})


_SCALARS: st.SearchStrategy[JsonValue] = st.sampled_from(
    [None, True, False, 0, 1, 1.5, "", "string", "object", "array", "null", "#/$defs/a", "date"]
)
_WORDS = """type properties items required enum const minimum maximum allOf anyOf $ref $defs format
x-kind x-synonyms x-rules x-unit x-min-confidence multipleOf minItems pattern title examples a b"""
_KEYWORDS = st.sampled_from(_WORDS.split())
_SCHEMAS: st.SearchStrategy[JsonValue] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYWORDS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_KEYWORDS, _SCHEMAS, max_size=5))
def test_any_json_is_read_or_refused(source: dict[str, JsonValue]) -> None:
    with contextlib.suppress(InvalidInput):
        schema = extraction_schema({"properties": {"a": {"type": "string"}}, **source})
        assert schema.leaves or schema.lists


def _schema(properties: dict[str, JsonValue]) -> ExtractionSchema:
    return extraction_schema({"type": "object", "properties": properties, "$defs": {"Node": CYCLE}})
