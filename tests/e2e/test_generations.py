"""Generations through the gateway: who is asked when models fail, and that receipts are true."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.adapters.paid_answers import MOST_IN_RECORD
from tests.cloud import CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.tenants import Tenant, make_tenant

SHORT = {"prompt": "Say: yes", "max_tokens": 4, "temperature": 0, "allow_truncation": True}


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"gen-{secrets.token_hex(3)}")
    yield made
    made.api.close()


def generated(tenant: Tenant, **body: Any) -> dict[str, Any]:
    answer = tenant.api.post("/v1/generations", json={**SHORT, **body}, timeout=60)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_receipt_should_agree_with_what_was_written_down_at_the_wire(
    tenant: Tenant, wire: BedrockWire
) -> None:
    told = generated(tenant)
    (call,) = [each for each in wire.calls() if each["operation"] == "Converse"]
    (line,) = told["receipt"]["lines"]
    assert (line["tokens_in"], line["tokens_out"]) == (call["tokens_in"], call["tokens_out"])
    assert line["model"] == call["answered_by"] == told["answered_by"]
    assert told["model"] == "nova-micro"
    assert Decimal(line["dollars"]) > 0


def test_a_model_that_is_throttled_should_give_way_and_cost_nothing(
    tenant: Tenant, wire: BedrockWire
) -> None:
    wire.fault("micro", model="amazon.nova-micro*", error="ThrottlingException")
    told = generated(tenant)
    assert told["attempts"][0]["model"] == "nova-micro"
    assert told["attempts"][0]["outcome"] == "failed"
    assert told["attempts"][0]["reason"].startswith("Throttled")
    assert told["attempts"][-1]["outcome"] == "accepted"
    assert told["model"] != "nova-micro"
    assert len(told["receipt"]["lines"]) == 1


def test_who_insists_on_a_model_that_is_down_should_be_told_to_come_again(
    tenant: Tenant, wire: BedrockWire
) -> None:
    wire.fault("lite", model="amazon.nova-lite*", error="ServiceUnavailableException")
    body = {**SHORT, "model": "nova-lite", "fallback": False}
    answer = tenant.api.post("/v1/generations", json=body)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.json()["error"]["type"] == "Transient"


def test_our_own_model_should_embed_and_be_billed_as_a_function(tenant: Tenant) -> None:
    body = {"task": "embedding", "texts": ["a weir", "a turbine"], "model": "minilm-l6-v2"}
    answer = tenant.api.post("/v1/generations", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [len(vector) for vector in told["output"]["vectors"]] == [384, 384]
    assert told["answered_by"] == "minilm-l6-v2-int8"
    assert told["receipt"]["lines"][0]["priced_as"] == "lambda"


def test_an_answer_too_large_for_a_record_should_be_paid_for_once(cloud: CloudProcess) -> None:
    spender = make_tenant(cloud, f"big-{secrets.token_hex(3)}")
    texts = [f"Weir number {n} of the river." for n in range(200)]
    body = {"task": "embedding", "texts": texts, "model": "minilm-l6-v2"}
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    with spender.api:
        first, again = (
            spender.api.post("/v1/generations", json=body, headers=headers, timeout=60)
            for _ in range(2)
        )
        usage = spender.api.get("/v1/usage").json()
    assert first.status_code == 200, first.text
    assert len(zlib.compress(first.content)) > MOST_IN_RECORD
    assert again.content == first.content
    assert usage["total"]["requests"] == 1


def test_usage_should_add_up_to_the_receipts(cloud: CloudProcess) -> None:
    spender = make_tenant(cloud, f"sum-{secrets.token_hex(3)}")
    with spender.api:
        told = [generated(spender) for _ in range(2)]
        usage = spender.api.get("/v1/usage").json()
    total = sum((Decimal(each["receipt"]["dollars"]) for each in told), Decimal(0))
    assert Decimal(usage["total"]["dollars"]) == total
    assert usage["total"]["requests"] == 2
    assert usage["total"]["tokens_out"] == sum(each["usage"]["tokens_out"] for each in told)
