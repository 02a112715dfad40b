from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.batches.generation_outcomes import generation_outcome
from chalicelib.batches.outcomes import (
    EXPIRED,
    error_line,
    error_outcome,
    exception_line,
    item_error,
)
from chalicelib.batches.receipts import ReceiptSum, compare_with_estimate
from chalicelib.contracts.batches import BatchEstimate, ItemError
from chalicelib.contracts.generations import EmbedOutput
from chalicelib.contracts.receipts import Receipt, ReceiptLine, nanodollars
from chalicelib.errors import InvalidInput, QuotaExceeded
from tests.unit.batches.examples import generation, item, openai, own


def test_a_result_in_our_form_should_hold_the_answer_and_its_receipt() -> None:
    found = generation_outcome(3, item(own("a")), generation(), keep_truncated=False)
    assert not found.failed
    assert found.line["id"] == "a"
    told = found.line["generation"]
    assert (told["output"]["text"], told["usage"]["tokens_out"]) == ("Hi.", 3)
    assert told["receipt"]["dollars"] == "0.000001000"
    assert found.receipt == generation().receipt


def test_an_answer_that_was_cut_off_should_be_an_error_that_still_costs() -> None:
    cut = generation("Hi", "length")
    found = generation_outcome(3, item(own("a")), cut, keep_truncated=False)
    assert found.failed
    assert found.line["error"]["type"] == "Truncated"
    assert found.line["generation"]["output"]["text"] == "Hi"
    assert found.receipt.dollars == cut.receipt.dollars > 0
    assert not generation_outcome(3, item(own("a")), cut, keep_truncated=True).failed


def test_a_result_in_openai_s_form_should_be_the_body_of_the_route() -> None:
    found = generation_outcome(3, item(openai("a")), generation(), keep_truncated=False).line
    assert (found["custom_id"], found["error"]) == ("a", None)
    assert found["response"]["status_code"] == 200
    body = found["response"]["body"]
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["content"] == "Hi."


@pytest.mark.parametrize(("encoding", "kind"), [("float", list), ("base64", str)])
def test_vectors_should_be_written_as_they_were_asked_for(encoding: str, kind: type) -> None:
    made = generation().model_copy(update={"output": EmbedOutput(vectors=((1.0, 0.5),))})
    line = openai(url="/v1/embeddings", encoding_format=encoding)
    found = generation_outcome(0, item(line), made, keep_truncated=False).line
    assert isinstance(found["response"]["body"]["data"][0]["embedding"], kind)


def test_a_failure_should_be_told_in_the_form_of_its_line() -> None:
    error = QuotaExceeded("No money is left.", field="budget", retry_after=60)
    mine = error_outcome(1, item(own("a")), error)
    assert mine.line == {
        "id": "a",
        "line": 2,
        "error": {"type": "QuotaExceeded", "message": "No money is left.", "field": "budget"},
    }
    theirs = error_outcome(1, item(openai("a")), error).line["response"]
    assert (theirs["status_code"], theirs["body"]["error"]["type"]) == (429, "insufficient_quota")
    never = error_line(1, "a", "openai", ItemError(type=EXPIRED, message="Too late."))
    assert (never["response"], never["error"]["code"]) == (None, "batch_expired")


def test_a_line_that_is_no_item_should_be_told_with_its_number_and_field() -> None:
    error = InvalidInput("prompt: too short.", field="prompt", limit="1")
    assert exception_line(6, "", "own", error)["line"] == 7
    assert item_error(error) == ItemError(
        type="InvalidInput", message="prompt: too short.", field="prompt", limit="1"
    )


LINES = st.builds(
    ReceiptLine,
    model=st.sampled_from(["a", "b"]),
    role=st.sampled_from(["chat", "embedding"]),
    tokens_in=st.integers(0, 10**6),
    tokens_out=st.integers(0, 10**6),
    dollars=st.integers(0, 10**12).map(lambda amount: Decimal(amount).scaleb(-9)),
)


@given(st.lists(st.lists(LINES, max_size=3).map(Receipt.of), max_size=20))
def test_the_receipt_of_all_should_be_the_sum_of_those_of_each(receipts: list[Receipt]) -> None:
    kept = ReceiptSum()
    for receipt in receipts:
        kept.add(receipt)
    whole = kept.whole()
    assert nanodollars(whole.dollars) == sum(nanodollars(each.dollars) for each in receipts)
    assert whole.tokens_in == sum(each.tokens_in for each in receipts)
    assert whole.tokens_out == sum(each.tokens_out for each in receipts)
    assert len(whole.lines) <= 4


def test_the_difference_from_the_estimate_should_be_told_in_words() -> None:
    estimate = BatchEstimate(items=2, tokens_in=10, tokens_out=100, dollars=Decimal("0.5"))
    receipt = generation().receipt
    words = " ".join(compare_with_estimate(estimate, receipt, 1))
    assert "cost $0.000001000; $0.5 was estimated" in words
    assert "5 tokens were read, 50% of the 10" in words
    assert "3 tokens were written, 3% of the 100" in words
