"""Generations through the gateway: who is asked when models fail, and that receipts are true."""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from chalicelib.adapters.paid_answers import MOST_IN_RECORD
from tests.cloud import CloudProcess
from tests.e2e.tenants import Tenant, make_tenant

FAULTS = "/_headrace/faults"
SHORT = {"prompt": "Say: yes", "max_tokens": 4, "temperature": 0, "allow_truncation": True}


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"gen-{secrets.token_hex(3)}")
    yield made
    made.api.close()


@pytest.fixture
def faults(cloud: CloudProcess) -> Iterator[httpx.Client]:
    """A client that sets faults, all of which are taken away at the end."""
    with httpx.Client(base_url=cloud.endpoint_url, timeout=10) as client:
        yield client
        client.delete(FAULTS).raise_for_status()


def generated(tenant: Tenant, **body: Any) -> dict[str, Any]:
    answer = tenant.api.post("/v1/generations", json={**SHORT, **body}, timeout=60)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def wire(cloud: CloudProcess) -> list[dict[str, Any]]:
    """Return every call of a model that the local cloud wrote down, oldest first: none before the
    first.
    """
    log = cloud.data_dir / "bedrock" / "usage.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_a_receipt_should_agree_with_what_was_written_down_at_the_wire(
    cloud: CloudProcess, tenant: Tenant
) -> None:
    before = len(wire(cloud))
    told = generated(tenant)
    (call,) = [each for each in wire(cloud)[before:] if each["operation"] == "Converse"]
    (line,) = told["receipt"]["lines"]
    assert (line["tokens_in"], line["tokens_out"]) == (call["tokens_in"], call["tokens_out"])
    assert line["model"] == call["answered_by"] == told["answered_by"]
    assert told["model"] == "nova-micro"
    assert Decimal(line["dollars"]) > 0


def test_a_model_that_is_throttled_should_give_way_and_cost_nothing(
    tenant: Tenant, faults: httpx.Client
) -> None:
    fault = {"model": "amazon.nova-micro*", "error": "ThrottlingException"}
    faults.put(f"{FAULTS}/micro", json=fault).raise_for_status()
    told = generated(tenant)
    assert told["attempts"][0]["model"] == "nova-micro"
    assert told["attempts"][0]["outcome"] == "failed"
    assert told["attempts"][0]["reason"].startswith("Throttled")
    assert told["attempts"][-1]["outcome"] == "accepted"
    assert told["model"] != "nova-micro"
    assert len(told["receipt"]["lines"]) == 1


def test_who_insists_on_a_model_that_is_down_should_be_told_to_come_again(
    tenant: Tenant, faults: httpx.Client
) -> None:
    fault = {"model": "amazon.nova-lite*", "error": "ServiceUnavailableException"}
    faults.put(f"{FAULTS}/lite", json=fault).raise_for_status()
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
