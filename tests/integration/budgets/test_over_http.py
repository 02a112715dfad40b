"""Budgets on a whole local cloud: calls of models refused, told of, counted and shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import httpx
import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.budgets import BudgetRecords
from chalicelib.budgets.limits import LimitScope
from infra.budgets import set_limits
from tests.cloud import CloudProcess
from tests.integration.api.conftest import Tenant

ASKED = {"prompt": "Say: yes", "max_tokens": 4, "temperature": 0, "allow_truncation": True}
EVENT_SECONDS = 30.0


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = Tenant(cloud)
    with closing(made.api):
        yield made


@pytest.fixture
def api(cloud: CloudProcess, tenant: Tenant) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {tenant.key}"}
    with httpx.Client(base_url=cloud.endpoint_url, headers=headers, timeout=60) as client:
        yield client


def limit(tenant: Tenant, scope: LimitScope, **said: str) -> None:
    records = BudgetRecords(DynamoTable(tenant.cloud.client("dynamodb"), tenant.table))
    set_limits(records, tenant.name, scope, said)


def shown(api: httpx.Client, path: str) -> dict[str, Any]:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def deliveries(api: httpx.Client, webhook_id: str) -> list[dict[str, Any]]:
    """Return the deliveries of a webhook once there is one, or none after a while."""
    deadline = time.monotonic() + EVENT_SECONDS
    while time.monotonic() < deadline:
        found: list[dict[str, Any]] = shown(api, f"/v1/webhooks/{webhook_id}/deliveries")["items"]
        if found:
            return found
        time.sleep(0.2)
    return []


def test_should_count_what_a_call_cost_and_refuse_what_is_not_left(
    tenant: Tenant, api: httpx.Client
) -> None:
    made = api.post("/v1/generations", json=ASKED)
    assert made.status_code == 200, made.text
    cost, used = Decimal(made.json()["receipt"]["dollars"]), made.json()["usage"]
    total = shown(api, "/v1/usage")["total"]
    assert Decimal(total["dollars"]) == cost > 0
    assert (total["requests"], total["tokens_in"], total["tokens_out"]) == (
        1,
        used["tokens_in"],
        used["tokens_out"],
    )
    (by_key,) = shown(api, "/v1/usage?by=key")["items"]
    (by_model,) = shown(api, "/v1/usage?by=model")["items"]
    assert (len(by_key["name"]), by_model["name"]) == (12, made.json()["model"])

    hook = {"url": "http://127.0.0.1:9/", "events": ["budget.exceeded"]}
    webhook_id = api.post("/v1/webhooks", json=hook).json()["webhook_id"]
    limit(tenant, LimitScope("key", by_key["name"]), dollars_a_day=str(cost))
    for _ in range(2):
        refused = api.post("/v1/generations", json=ASKED)
        assert refused.status_code == 429
        assert refused.json()["error"]["type"] == "QuotaExceeded"
        assert "is left of key" in refused.json()["error"]["message"]
        assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    (budget,) = shown(api, "/v1/budgets")["dollars"]
    assert budget["name"] == by_key["name"]
    assert (Decimal(budget["spent"]), Decimal(budget["left"])) == (cost, Decimal(0))
    assert [each["type"] for each in deliveries(api, webhook_id)] == ["budget.exceeded"]
    assert shown(api, "/v1/usage")["total"] == total


def test_should_throttle_until_the_next_minute(tenant: Tenant, api: httpx.Client) -> None:
    limit(tenant, LimitScope("tenant"), requests_a_minute="0")
    refused = api.post("/v1/generations", json=ASKED)
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "Throttled"
    assert refused.json()["error"]["limit"] == "tenant: 0 requests a minute"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    limit(tenant, LimitScope("tenant"), requests_a_minute="stage")
    assert api.post("/v1/generations", json=ASKED).status_code == 200
