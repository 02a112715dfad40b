"""What a batch has cost: its models, and the children that asked them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars
from chalicelib.generation.catalogue import LAMBDA, STEP_FUNCTIONS

if TYPE_CHECKING:
    from chalicelib.contracts.batches import BatchPlace

Cost = Callable[[str, float], int]
"""Returns what a quantity of a unit costs, in nano-dollars."""

CHILD_GB = 64 / 1024
"""What an Express workflow is billed for: its memory by 64 MB, and a child has a state that waits.
https://aws.amazon.com/step-functions/pricing/
"""


def batch_receipt(place: BatchPlace, cost: Cost) -> Receipt:
    """Return what the models and the children of a batch cost. Requests to S3 and DynamoDB are not
    in it.
    """
    return Receipt.of(batch_lines(place, cost))


def batch_lines(place: BatchPlace, cost: Cost) -> Iterator[ReceiptLine]:
    """Yield a line for each model, and for the children's functions and workflows."""
    if place.receipt is not None:
        yield from place.receipt.lines
    used = place.used
    if not used.children:
        return
    asked = cost("lambda.gb_second.arm64", used.gb_seconds) + cost("lambda.request", used.children)
    yield ReceiptLine(
        model=LAMBDA,
        priced_as=LAMBDA,
        role="asking",
        seconds=round(used.seconds, 6),
        dollars=dollars(asked),
    )
    express = cost("stepfunctions.express.request", used.children)
    express += cost("stepfunctions.express.gb_second", used.seconds * CHILD_GB)
    starts = cost("stepfunctions.standard.transition", used.children)
    yield ReceiptLine(
        model=STEP_FUNCTIONS,
        priced_as=STEP_FUNCTIONS,
        role="children",
        transitions=used.children,
        dollars=dollars(express + starts),
    )
