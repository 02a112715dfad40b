"""What a batch cost, summed over its items, and how that compares with its estimate. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.receipts import Receipt, ReceiptLine

if TYPE_CHECKING:
    from chalicelib.contracts.batches import BatchEstimate, BatchPlace

_READ = (
    "the estimate counts letters, and never too few",
    "a model puts instructions of its own around short prompts, or calls were made again",
)
_WRITTEN = (
    "the estimate takes every max_tokens to its end",
    "answers that failed a check were asked for again",
)


@dataclass(slots=True)
class Receipts:
    """Receipts of items as they are read: one line for each model, whatever the number of items."""

    lines: dict[tuple[str, str, str], ReceiptLine] = field(default_factory=dict)

    def add(self, receipt: Receipt) -> None:
        """Add the receipt of one item."""
        for line in receipt.lines:
            key = (line.model, line.priced_as, line.role)
            kept = self.lines.get(key)
            self.lines[key] = line if kept is None else _summed(kept, line)

    def whole(self) -> Receipt:
        """Return the receipt of all of them."""
        return Receipt.of(self.lines.values())


def _summed(one: ReceiptLine, other: ReceiptLine) -> ReceiptLine:
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


def explained(estimate: BatchEstimate, receipt: Receipt, done: int) -> tuple[str, ...]:
    """Return in words what was estimated, what it came to, and what makes the difference."""
    whole = (
        f"The models cost ${receipt.dollars:f}; at most ${estimate.dollars:f} was estimated for"
        f" {estimate.items} items, of which {done} are done."
    )
    said = [whole]
    said += _compared("read", receipt.tokens_in, estimate.tokens_in, _READ)
    said += _compared("written", receipt.tokens_out, estimate.tokens_out, _WRITTEN)
    return tuple(said)


def _compared(what: str, used: int, estimated: int, why: tuple[str, str]) -> list[str]:
    """Return how the tokens compare, and why: `why` there are fewer, and why there are more."""
    if not estimated:
        return []
    share = Decimal(used) / Decimal(estimated)
    reason = why[used > estimated]
    return [f"{used} tokens were {what}, {share:.0%} of the {estimated} estimated: {reason}."]


def total(place: BatchPlace) -> int:
    """Return how many lines the input had: items, and what was turned down."""
    return place.items + place.rejected
