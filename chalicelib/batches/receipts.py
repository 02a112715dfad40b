"""Receipts of a batch: models and children, and how they compare with the estimate. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.batches import ChildrenUsed
from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars
from chalicelib.generation.catalogue import LAMBDA, STEP_FUNCTIONS

if TYPE_CHECKING:
    from chalicelib.contracts.batches import BatchEstimate, RoundsCheckpoint
    from chalicelib.jobs.receipts import UnitCost


CHILD_GB = 64 / 1024
"""The memory that an Express workflow is billed for: chunks of 64 MB, and a child waits in one.
https://aws.amazon.com/step-functions/pricing/
"""


def batch_receipt(checkpoint: RoundsCheckpoint, cost: UnitCost) -> Receipt:
    """Return the cost of the models and children of a batch, without S3 and DynamoDB."""
    return Receipt.of(batch_lines(checkpoint, cost))


def batch_lines(checkpoint: RoundsCheckpoint, cost: UnitCost) -> Iterator[ReceiptLine]:
    """Yield a line for each model, and for the functions and workflows of the children."""
    if checkpoint.receipt is not None:
        yield from checkpoint.receipt.lines
    used = checkpoint.used
    if not used.children:
        return
    functions = cost("lambda.gb_second.arm64", used.gb_seconds) + cost(
        "lambda.request", used.children
    )
    yield ReceiptLine(
        model=LAMBDA,
        priced_as=LAMBDA,
        role="asking",
        seconds=round(used.seconds, 6),
        dollars=dollars(functions),
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


def add_children(one: ChildrenUsed, other: ChildrenUsed) -> ChildrenUsed:
    """Return what the children of two rounds used together."""
    return ChildrenUsed(
        children=one.children + other.children,
        seconds=one.seconds + other.seconds,
        gb_seconds=one.gb_seconds + other.gb_seconds,
    )


_INPUT_REASONS = (
    "the estimate counts letters, and never too few",
    "a model puts instructions of its own around short prompts, or calls were made again",
)
_OUTPUT_REASONS = (
    "the estimate takes every max_tokens to its end",
    "answers that failed a check were asked for again",
)


@dataclass(slots=True)
class ReceiptSum:
    """The sum of item receipts: one line for each model, whatever the number of items."""

    lines: dict[tuple[str, str, str], ReceiptLine] = field(default_factory=dict)

    def add(self, receipt: Receipt) -> None:
        """Add the receipt of one item."""
        for line in receipt.lines:
            key = (line.model, line.priced_as, line.role)
            before = self.lines.get(key)
            self.lines[key] = line if before is None else _add_lines(before, line)

    def whole(self) -> Receipt:
        """Return the sum as one receipt."""
        return Receipt.of(self.lines.values())


def _add_lines(one: ReceiptLine, other: ReceiptLine) -> ReceiptLine:
    return ReceiptLine(
        model=one.model,
        priced_as=one.priced_as,
        role=one.role,
        tokens_in=one.tokens_in + other.tokens_in,
        tokens_out=one.tokens_out + other.tokens_out,
        images=one.images + other.images,
        transitions=one.transitions + other.transitions,
        seconds=round(one.seconds + other.seconds, 6),
        dollars=one.dollars + other.dollars,
    )


def compare_with_estimate(estimate: BatchEstimate, receipt: Receipt, done: int) -> tuple[str, ...]:
    """Return sentences that compare the receipt with the estimate and explain the difference."""
    summary = (
        f"The models cost ${receipt.dollars:f}; ${estimate.dollars:f} was estimated, and at most"
        f" ${estimate.dollars_bound:f} with every fallback and repeat, for {estimate.items} items,"
        f" of which {done} are done."
    )
    sentences = [summary]
    sentences += _compare_tokens("read", receipt.tokens_in, estimate.tokens_in, _INPUT_REASONS)
    sentences += _compare_tokens(
        "written", receipt.tokens_out, estimate.tokens_out, _OUTPUT_REASONS
    )
    return tuple(sentences)


def _compare_tokens(what: str, used: int, estimated: int, why: tuple[str, str]) -> list[str]:
    """Return how the tokens compare; `why` explains fewer, and more, than estimated."""
    if not estimated:
        return []
    share = Decimal(used) / Decimal(estimated)
    reason = why[used > estimated]
    return [f"{used} tokens were {what}, {share:.0%} of the {estimated} estimated: {reason}."]
