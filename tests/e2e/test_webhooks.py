"""Events reach a receiver outside, signed, also where it first refuses."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
from standardwebhooks import Webhook as Verifier

from tests.cloud import CloudProcess
from tests.e2e.driving import api_of, until
from tests.e2e.tenants import make_tenant
from tests.integration.webhooks.receiver import Receiver, receiving

SECONDS = 60.0


def _got(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + SECONDS
    while len(receiver.got) < count:
        assert time.monotonic() < deadline, receiver.got
        time.sleep(0.05)


def _delivery(api: httpx.Client, place: str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while True:
        items: list[dict[str, Any]] = api.get(f"{place}/deliveries").json()["items"]
        found = [item for item in items if item["status"] == status]
        if found:
            return found[0]
        assert time.monotonic() < deadline, items
        time.sleep(0.05)


def test_should_tell_a_receiver_of_a_document_that_is_ready(cloud: CloudProcess) -> None:
    with receiving() as receiver, api_of(cloud) as api:
        receiver.statuses = [503, 204]
        url = f"http://127.0.0.1:{receiver.port}/hook"
        wanted = {"url": url, "events": ["document.ready"]}
        made = api.post("/v1/webhooks", json=wanted).json()
        place = f"/v1/webhooks/{made['webhook_id']}"
        try:
            body = b"The webhook test keeps its spare fuses in the blue cabinet."
            where = {"path": "webhooks/fuses.txt", "bytes": len(body)}
            upload = api.post("/v1/documents", json=where).json()
            form = upload["upload"]
            sent = httpx.post(form["url"], data=form["fields"], files={"file": body})
            assert sent.status_code in {200, 201, 204}
            _got(receiver, 2)
            told = _delivery(api, place, "delivered")
        finally:
            api.delete(place)
    assert (told["attempts"], told["last_http_status"]) == (2, 204)
    first, second = receiver.got[:2]
    assert first[1]["webhook-id"] == second[1]["webhook-id"] == told["delivery_id"]
    verified = Verifier(made["secret"]).verify(second[2].decode(), dict(second[1]))
    assert verified == json.loads(second[2])
    assert verified["type"] == "document.ready"
    assert verified["data"]["document_id"] == upload["document_id"]
    assert verified["data"]["path"] == "webhooks/fuses.txt"


def test_should_not_let_the_slow_receiver_of_one_tenant_delay_another(
    cloud: CloudProcess,
) -> None:
    """Each of the first tenant's calls is held until the other's delivery has come."""
    slow, other = make_tenant(cloud, "slow"), make_tenant(cloud, "prompt")
    with receiving() as held, receiving() as receiver:
        held.released.clear()
        places = [_made(slow.api, held), _made(other.api, receiver)]
        try:
            for _ in range(20):
                assert slow.api.post(f"{places[0]}/test").status_code == 202
            _got(held, 1)
            assert other.api.post(f"{places[1]}/test").status_code == 202
            _got(receiver, 1)
            assert len(held.got) < 20
        finally:
            held.released.set()
            slow.api.delete(places[0])
            other.api.delete(places[1])
            until(lambda: _waiting(cloud) == 0, "messages of the slow receiver stayed")
    slow.api.close()
    other.api.close()


def _made(api: httpx.Client, receiver: Receiver) -> str:
    url = f"http://127.0.0.1:{receiver.port}/hook"
    made = api.post("/v1/webhooks", json={"url": url, "events": ["document.ready"]}).json()
    return f"/v1/webhooks/{made['webhook_id']}"


def _waiting(cloud: CloudProcess) -> int:
    """Return the count of messages that are to be attempted now.

    One whose attempt ran out of time is hidden for minutes; a removed webhook's is then dropped.
    """
    name = "ApproximateNumberOfMessages"
    url = cloud.client("sqs").get_queue_url(QueueName="headrace-local-webhooks")["QueueUrl"]
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(found["Attributes"][name])
