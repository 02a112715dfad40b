"""What an ingest costs, as the step that knows most of it can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts import Receipt, ReceiptLine
from chalicelib.contracts.receipts import dollars

BILLED_TRANSITIONS = 5
"""States that an ingest without errors enters: Read, Chunk, Embed, MarkReady, AnnounceReady."""

FUNCTIONS = 3
GIGABYTE = 1024**3
FLOAT_BYTES = 4

Cost = Callable[[str, float], int]
"""Returns what a quantity of a unit costs, in nano-dollars."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one ingest used; `gb_seconds` of the functions before the embedding."""

    model: str
    tokens: int
    embed_seconds: float
    embed_gb_seconds: float
    gb_seconds: float
    put_bytes: int


def receipt(usage: Usage, cost: Cost) -> Receipt:
    """Return the receipt of one ingest."""
    second = "lambda.gb_second.arm64"
    reading = cost(second, usage.gb_seconds) + cost("lambda.request", FUNCTIONS - 1)
    embedding = cost(second, usage.embed_gb_seconds) + cost("lambda.request", 1)
    lines = (
        ReceiptLine(model="lambda", role="reading and chunking", dollars=dollars(reading)),
        ReceiptLine(
            model=usage.model,
            role="embedding",
            tokens_in=usage.tokens,
            seconds=usage.embed_seconds,
            dollars=dollars(embedding),
        ),
        ReceiptLine(
            model="s3-vectors",
            role="indexing",
            dollars=dollars(cost("s3vectors.put.gb", usage.put_bytes / GIGABYTE)),
        ),
        ReceiptLine(
            model="step-functions",
            role="orchestration",
            dollars=dollars(cost("stepfunctions.standard.transition", BILLED_TRANSITIONS)),
        ),
    )
    return Receipt.of(lines)
