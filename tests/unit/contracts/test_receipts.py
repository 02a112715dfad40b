from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.receipts import NextDearer, Receipt, ReceiptLine, dollars, nanodollars


@given(st.integers(0, 10**18))
def test_money_survives_the_way_out_and_in(amount: int) -> None:
    assert nanodollars(dollars(amount)) == amount


@given(st.lists(st.integers(0, 10**12), max_size=6))
def test_totals_are_the_sum_of_the_lines_to_the_last_nano_dollar(amounts: list[int]) -> None:
    lines = [ReceiptLine(model="m", role="r", tokens_in=1, dollars=dollars(n)) for n in amounts]
    receipt = Receipt.of(lines)
    assert nanodollars(receipt.dollars) == sum(amounts)
    assert receipt.tokens_in == len(amounts)


def test_money_is_written_without_an_exponent() -> None:
    receipt = Receipt.of(
        [ReceiptLine(model="m", role="r", dollars=dollars(1))],
        NextDearer(path="llm", dollars=dollars(2)),
    )
    written = json.loads(receipt.model_dump_json())
    assert written["dollars"] == "0.000000001"
    assert written["next_dearer"] == {"path": "llm", "dollars": "0.000000002"}
    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt


def test_nothing_costs_nothing() -> None:
    assert Receipt.of([]).dollars == Decimal(0)
