"""Receipts and the page of costs say the same of what AWS bills around functions and models."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.request_costs import DOCUMENT, QUESTION, Quantities, requests_line
from infra.costs.page import counts, read
from infra.costs.usage import FunctionUse, price_usage

OF_STEPS = ("Step Functions", "S3 Vectors", "Bedrock")
"""Services that have lines of their own in receipts, as functions of steps do."""
OWN_STAGE = "headrace-local-"
"""The prefix of the names of functions that run a step, on the counted stage."""


@pytest.mark.parametrize(
    ("name", "quantities", "parts"),
    [
        ("one page, Markdown", DOCUMENT, 0),
        ("ten pages, PDF", DOCUMENT, 0),
        ("two hundred pages, PDF", DOCUMENT, 5),
        ("a search", QUESTION, 0),
    ],
)
def test_a_receipt_should_have_what_was_counted_around_its_steps(
    name: str, quantities: Quantities, parts: int
) -> None:
    used = read(counts()["facts"]["used"][name])
    bill = price_usage(used, catalogue())
    steps = {
        function: use for function, use in used.functions.items() if function.startswith(OWN_STAGE)
    }
    billed_in_steps = sum(map(_dollars, steps.values()), Decimal(0)) / used.items
    around = bill.total - billed_in_steps - sum(bill.by_service.get(each, 0) for each in OF_STEPS)
    line = requests_line(catalogue().cost, quantities, parts)
    assert line.dollars == pytest.approx(around, rel=Decimal("0.1"))


def _dollars(use: FunctionUse) -> Decimal:
    price = catalogue().price
    second = price("lambda.gb_second.arm64").dollars
    return use.requests * price("lambda.request").dollars + use.gb_seconds * second
