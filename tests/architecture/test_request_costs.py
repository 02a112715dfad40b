"""Receipts and the page of costs say the same of what AWS bills around functions and models."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.request_costs import (
    DOCUMENT,
    QUESTION,
    RECOGNITION,
    WORDS,
    ExtraRequests,
    Quantities,
    requests_line,
)
from infra.costs.page import counts, read
from infra.costs.usage import CountedUsage, FunctionUse, price_usage

OF_STEPS = ("Step Functions", "S3 Vectors", "Bedrock")
"""Services that have lines of their own in receipts, as functions of steps do."""
OWN_STAGE = "headrace-local-"
"""The prefix of the names of functions that run a step, on the counted stage."""


@pytest.mark.parametrize(
    ("name", "quantities", "counted"),
    [
        ("one page, Markdown", DOCUMENT, ExtraRequests()),
        ("ten pages, PDF", DOCUMENT, ExtraRequests(word_files=1)),
        ("ten pages, scanned", DOCUMENT, ExtraRequests(word_files=1, recognitions=1)),
        ("two hundred pages, PDF", DOCUMENT, ExtraRequests(parts=5)),
        ("a search", QUESTION, ExtraRequests()),
    ],
)
def test_a_receipt_should_have_what_was_counted_around_its_steps(
    name: str, quantities: Quantities, counted: ExtraRequests
) -> None:
    used = read(counts()["facts"]["used"][name])
    bill = price_usage(used, catalogue())
    steps = {
        function: use for function, use in used.functions.items() if function.startswith(OWN_STAGE)
    }
    billed_in_steps = sum(map(_dollars, steps.values()), Decimal(0)) / used.items
    around = bill.total - billed_in_steps - sum(bill.by_service.get(each, 0) for each in OF_STEPS)
    line = requests_line(catalogue().cost, quantities, counted)
    assert line.dollars == pytest.approx(around, rel=Decimal("0.1"))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("one page, Markdown", ()),
        ("ten pages, PDF", (WORDS,)),
        ("ten pages, scanned", (WORDS, RECOGNITION)),
    ],
)
def test_objects_and_their_events_should_be_counted_to_the_last(
    name: str, more: tuple[Quantities, ...]
) -> None:
    """A PUT is a fortieth of a receipt's line, which a tenth of tolerance does not see."""
    used = read(counts()["facts"]["used"][name])
    for unit, found in (
        ("s3.put.request", _calls(used, "PostObject", "CopyObject", "PutObject")),
        ("s3.get.request", _calls(used, "GetObject", "HeadObject")),
        ("eventbridge.event", used.objects + used.calls["events:PutEvents"]),
    ):
        told = sum(quantities.get(unit, 0) for quantities in (DOCUMENT, *more))
        assert told == found / used.items, unit


def _calls(used: CountedUsage, *operations: str) -> int:
    return sum(used.calls.get(f"s3:{operation}", 0) for operation in operations)


def _dollars(use: FunctionUse) -> Decimal:
    price = catalogue().price
    second = price("lambda.gb_second.arm64").dollars
    return use.requests * price("lambda.request").dollars + use.gb_seconds * second
