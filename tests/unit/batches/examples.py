"""Values that tests of batches begin with."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from chalicelib.batches.items import BatchItem, read_item
from chalicelib.contracts.batches import BatchOrder
from chalicelib.contracts.generations import (
    Attempt,
    ChatOutput,
    Finish,
    Generation,
    Usage,
)
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from tests.unit.jobs.examples import NOW

ORDER = BatchOrder(model="nova-micro", deadline=NOW + timedelta(hours=24))
MODEL = "amazon.nova-micro-v1:0"


def own(id_: str = "a", **fields: Any) -> bytes:
    """Return a line of our form."""
    told = {"id": id_, **({} if {"messages", "texts"} & fields.keys() else {"prompt": "Hello."})}
    return json.dumps({**told, **fields}).encode()


def openai(id_: str = "a", url: str = "/v1/chat/completions", **body: Any) -> bytes:
    """Return a line of OpenAI's form."""
    asked = {"model": "nova-micro", "messages": [{"role": "user", "content": "Hello."}]}
    if url != "/v1/chat/completions":
        asked = {"model": "titan-embed-text-v2", "input": "Hello."}
    told = {"custom_id": id_, "method": "POST", "url": url, "body": {**asked, **body}}
    return json.dumps(told).encode()


def item(line: bytes | None = None, order: BatchOrder = ORDER) -> BatchItem:
    """Return the item of a line."""
    return read_item(own() if line is None else line, order)


def generation(text: str = "Hi.", finish: Finish = "stop", nanodollars: int = 1_000) -> Generation:
    """Return an answer of Nova Micro."""
    cost = Decimal(nanodollars).scaleb(-9)
    usage = Usage(tokens_in=5, tokens_out=3)
    line = ReceiptLine(
        model=MODEL, priced_as=MODEL, role="chat", tokens_in=5, tokens_out=3, dollars=cost
    )
    return Generation(
        generation_id="gen_1",
        created_at=NOW,
        model="nova-micro",
        answered_by=MODEL,
        output=ChatOutput(text=text, finish=finish),
        usage=usage,
        attempts=(
            Attempt(
                model="nova-micro",
                answered_by=MODEL,
                outcome="accepted",
                usage=usage,
                dollars=cost,
            ),
        ),
        plan=("1. Nova Micro.",),
        receipt=Receipt.of([line]),
    )
