"""Costs of requests, logs, traces and events around the steps of a document or a question.

The quantities are those that `python -m benchmarks costs` counted, call by call, rounded up; a test
holds them to the newest counts. They differ little from one document or question to the next, so a
receipt has one line for all of them. The time that the API's own function waits is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.contracts.receipts import ReceiptLine, dollars
from chalicelib.generation.catalogue import AWS

_GIGABYTE = 1024**3

Quantities = Mapping[str, float]
"""Quantities by their unit of the catalogue."""

DOCUMENT: Quantities = {
    "apigateway.request": 1,
    "cloudwatch.logs.gb": 7_000 / _GIGABYTE,
    "dynamodb.read_request_unit": 16,
    "dynamodb.write_request_unit": 21,
    "eventbridge.event": 5,
    "lambda.gb_second.arm64": 0.17,
    "lambda.request": 5,
    "s3.get.request": 4,
    "s3.put.request": 4,
    "sqs.request": 6,
    "xray.trace": 4,
}
"""A document: announced, uploaded, claimed, recorded, announced as ready and settled."""

WORDS: Quantities = {"eventbridge.event": 1, "s3.put.request": 1}
"""The words of a document's pages with their boxes, which a PDF has: one object more."""

RECOGNITION: Quantities = {"eventbridge.event": 2, "s3.get.request": 4, "s3.put.request": 2}
"""A call that recognises scanned pages: it reads pages and words, and writes both again."""

PART: Quantities = {
    "cloudwatch.logs.gb": 1_600 / _GIGABYTE,
    "dynamodb.write_request_unit": 1.5,
    "eventbridge.event": 1.6,
    "s3.get.request": 5,
    "s3.put.request": 5,
}
"""A part of a large document, read or embedded."""

QUESTION: Quantities = {
    "apigateway.request": 1,
    "cloudwatch.logs.gb": 3_100 / _GIGABYTE,
    "dynamodb.read_request_unit": 4,
    "lambda.gb_second.arm64": 0.05,
    "lambda.request": 2,
    "xray.trace": 1,
}
"""A search or a question, by the API and its authorizer."""


@dataclass(frozen=True, slots=True)
class ExtraRequests:
    """How often a document had what not every document has."""

    parts: int = 0
    word_files: int = 0
    recognitions: int = 0


def requests_line(
    cost: Callable[[str, float], int],
    quantities: Quantities,
    counts: ExtraRequests | None = None,
) -> ReceiptLine:
    """Return the line of all requests around a result, and around what `counts` says it had."""
    had = counts or ExtraRequests()
    total = 0
    for each, times in (
        (quantities, 1),
        (PART, had.parts),
        (WORDS, had.word_files),
        (RECOGNITION, had.recognitions),
    ):
        total += sum(cost(unit, quantity * times) for unit, quantity in each.items() if times)
    return ReceiptLine(model=AWS, priced_as=AWS, role="requests", dollars=dollars(total))
