"""What an ingest costs, as the step that knows most of it can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts import Receipt, ReceiptLine, Spent
from chalicelib.contracts.receipts import dollars
from chalicelib.generation.catalogue import LAMBDA, S3_VECTORS, STEP_FUNCTIONS

BILLED_TRANSITIONS = 5
"""States that an ingest without errors enters: Read, Chunk, Embed, MarkReady, AnnounceReady."""

GIGABYTE = 1024**3
FLOAT_BYTES = 4

Cost = Callable[[str, float], int]
"""Returns what a quantity of a unit costs, in nano-dollars."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one ingest used: each function's time, the tokens embedded and the bytes put."""

    model: str
    tokens: int
    reading: Spent
    chunking: Spent
    embedding: Spent
    put_bytes: int


def receipt(usage: Usage, cost: Cost) -> Receipt:
    """Return the receipt of one ingest, a line a step in their order."""
    return Receipt.of(
        (
            _function("reading", usage.reading, cost),
            _function("chunking", usage.chunking, cost),
            _function("embedding", usage.embedding, cost, model=usage.model, tokens=usage.tokens),
            ReceiptLine(
                model=S3_VECTORS,
                priced_as=S3_VECTORS,
                role="indexing",
                dollars=dollars(cost("s3vectors.put.gb", usage.put_bytes / GIGABYTE)),
            ),
            ReceiptLine(
                model=STEP_FUNCTIONS,
                priced_as=STEP_FUNCTIONS,
                role="orchestration",
                transitions=BILLED_TRANSITIONS,
                dollars=dollars(cost("stepfunctions.standard.transition", BILLED_TRANSITIONS)),
            ),
        )
    )


def _function(
    role: str, spent: Spent, cost: Cost, *, model: str = LAMBDA, tokens: int = 0
) -> ReceiptLine:
    """Return the line of one function's one request."""
    billed = cost("lambda.gb_second.arm64", spent.gb_seconds) + cost("lambda.request", 1)
    return ReceiptLine(
        model=model,
        priced_as=LAMBDA,
        role=role,
        tokens_in=tokens,
        seconds=spent.seconds,
        dollars=dollars(billed),
    )
