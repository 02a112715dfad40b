"""Values of a schema are read with their evidence, and what is not there is null."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import JsonValue

from chalicelib.contracts.extractions import Extraction
from chalicelib.contracts.ingest import Page
from chalicelib.extraction.acceptance import rule_votes
from chalicelib.extraction.document import source_document
from chalicelib.extraction.extractor import FieldExtractor
from chalicelib.extraction.rules import RuleResult
from chalicelib.extraction.schema import extraction_schema
from chalicelib.inference.embedder import Embedder

INVOICE = """Northwind Traders

Invoice number: INV-2041
Invoice date: 2025-03-14
Order number: PO-77

| Description | Quantity | Amount |
| - | - | - |
| Paper, box of 500 | 2 | 30.00 |
| Ink cartridge, black | 1 | 70.00 |

Subtotal: 100.00
Tax: 20.00
Total: 120.00
"""
PROPERTIES: dict[str, JsonValue] = {
    "invoiceNumber": {"type": ["string", "null"]},
    "invoiceDate": {"type": ["string", "null"], "format": "date"},
    "dueDate": {"type": ["string", "null"], "format": "date"},
    "subtotal": {"type": ["number", "null"]},
    "tax": {"type": ["number", "null"]},
    "total": {"type": ["number", "null"]},
    "iban": {"type": ["string", "null"], "x-kind": "iban"},
    "lines": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "description": {"type": "string"},
                "quantity": {"type": "number"},
                "amount": {"type": "number"},
            },
        },
    },
}


def extract(models_dir: Path, text: str, *rules: str) -> Extraction:
    """Return what is read from a page without geometry."""
    schema = extraction_schema({"type": "object", "properties": PROPERTIES, "x-rules": list(rules)})
    document = source_document([Page(page=1, text=text)], None, language="en")
    return FieldExtractor.open(Embedder.open(models_dir)).extract(schema, document)


@pytest.fixture(scope="module")
def invoice(models_dir: Path) -> Extraction:
    """Return the extraction of the invoice, with rules that hold."""
    return extract(
        models_dir,
        INVOICE,
        "total == subtotal + tax ± 0.01",
        "subtotal == sum(lines.amount) ± 0.01",
    )


def test_values_should_be_those_that_the_labels_name(invoice: Extraction) -> None:
    values = invoice.values
    assert values["invoiceNumber"] == "INV-2041"
    assert values["invoiceDate"] == "2025-03-14"
    assert (values["subtotal"], values["tax"], values["total"]) == (100, 20, 120)
    assert values["lines"] == [
        {"description": "Paper, box of 500", "quantity": 2, "amount": 30},
        {"description": "Ink cartridge, black", "quantity": 1, "amount": 70},
    ]


def test_what_the_document_does_not_say_should_be_null_without_evidence(
    invoice: Extraction,
) -> None:
    absent = [each for each in invoice.fields if each.value is None]
    assert {each.pointer for each in absent} == {"/dueDate", "/iban"}
    assert all(not each.evidence and not each.raw for each in absent)


def test_every_value_should_cite_the_characters_that_it_was_read_from(
    invoice: Extraction,
) -> None:
    for each in invoice.fields:
        cited = "\n".join(INVOICE[one.start : one.end] for one in each.evidence)
        assert cited == each.raw
        assert 0 < each.confidence <= 1
    assert len(invoice.fields) == 7 + 2 * 3


def test_rules_that_hold_should_be_reported_and_no_reason_given(invoice: Extraction) -> None:
    assert [each.holds for each in invoice.rules] == [True, True]
    assert [each.complete for each in invoice.lists] == [True]
    assert invoice.status in {"complete", "needs_review"}


def test_a_broken_rule_should_ask_for_a_review(models_dir: Path) -> None:
    broken = extract(models_dir, INVOICE, "total == subtotal + tax + 5")
    assert broken.status == "needs_review"
    assert "does not hold" in broken.reasons[0]


def test_a_document_without_any_of_the_fields_should_yield_nothing(models_dir: Path) -> None:
    nothing = extract(models_dir, "The meeting was moved to the large room. Bring your own cup.")
    assert {name: value for name, value in nothing.values.items() if value} == {}


def test_votes_should_count_rules_over_a_value_and_over_its_row() -> None:
    results = [
        RuleResult("a", True, None, None, ("/total", "/lines")),
        RuleResult("b", False, None, None, ("/lines/3",)),
        RuleResult("c", None, None, None, ("/total",)),
    ]
    assert tuple(vars_of("/total", results)) == (1, 0)
    assert tuple(vars_of("/lines/3/amount", results)) == (1, 1)
    assert tuple(vars_of("/lines/30/amount", results)) == (1, 0)


def vars_of(pointer: str, results: list[RuleResult]) -> tuple[int, int]:
    """Return the votes as two numbers."""
    votes = rule_votes(pointer, results)
    return votes.held, votes.broken
