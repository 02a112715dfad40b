from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api.webhooks import MAX_RETRIES
from tests.unit.api.fakes import OTHER_KEY, Api, error_of


def _made(api: Api, **fields: object) -> dict[str, Any]:
    response = api.call("POST", "/v1/webhooks", {"url": "https://example.com/hook"} | fields)
    assert response.status_code == 201
    body: dict[str, Any] = response.json_body
    return body


def test_should_show_the_secret_once() -> None:
    api = Api()
    made = _made(api, events=["document.ready"], description="our queue")
    assert made["secret"].startswith("whsec_")
    shown = api.call("GET", f"/v1/webhooks/{made['webhook_id']}").json_body
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    assert api.call("GET", "/v1/webhooks").json_body == {"items": [shown]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": ""}, "url"),
        ({"events": ["document.eaten"]}, "events.0"),
        ({"events": ["document.ready", "document.ready"]}, "events"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_should_name_what_is_wrong(change: dict[str, object], field: str) -> None:
    response = Api().call("POST", "/v1/webhooks", {"url": "https://example.com/"} | change)
    assert response.status_code == 400
    assert error_of(response)["field"] == field


def test_should_hold_a_tenant_to_ten_webhooks() -> None:
    api = Api()
    for _ in range(10):
        _made(api)
    response = api.call("POST", "/v1/webhooks", {"url": "https://example.com/"})
    assert response.status_code == 429
    assert error_of(response)["limit"] == "10"


def test_should_show_a_tenant_only_its_own() -> None:
    api = Api()
    made = _made(api)
    place = f"/v1/webhooks/{made['webhook_id']}"
    for method, path in [
        ("GET", place),
        ("DELETE", place),
        ("POST", f"{place}/secret"),
        ("POST", f"{place}/test"),
        ("GET", f"{place}/deliveries"),
        ("POST", f"{place}/deliveries/evt_1/retry"),
    ]:
        assert api.call(method, path, key=OTHER_KEY).status_code == 404
    assert api.call("GET", "/v1/webhooks", key=OTHER_KEY).json_body == {"items": []}


def test_should_remove_a_webhook() -> None:
    api = Api()
    place = f"/v1/webhooks/{_made(api)['webhook_id']}"
    assert api.call("DELETE", place).status_code == 204
    assert api.call("GET", place).status_code == 404


def test_should_rotate_a_secret() -> None:
    api = Api()
    made = _made(api)
    rotated = api.call("POST", f"/v1/webhooks/{made['webhook_id']}/secret").json_body
    assert rotated["secret"] != made["secret"]
    (kept,) = api.webhook_records.kept.values()
    assert kept.secrets == (rotated["secret"], made["secret"])


def test_should_send_a_test_event_and_list_its_delivery() -> None:
    api = Api()
    place = f"/v1/webhooks/{_made(api)['webhook_id']}"
    response = api.call("POST", f"{place}/test")
    assert response.status_code == 202
    assert response.json_body["type"] == "webhook.test"
    listed = api.call("GET", f"{place}/deliveries?limit=5").json_body
    assert listed == {"items": [response.json_body]}
    (asked,) = api.webhook_queue.sent
    assert asked.delivery_id == response.json_body["delivery_id"]


def test_should_try_a_failed_delivery_again_but_not_an_accepted_one() -> None:
    api = Api()
    place = f"/v1/webhooks/{_made(api)['webhook_id']}"
    delivery = api.call("POST", f"{place}/test").json_body["delivery_id"]
    for status, answer in (("failed", 202), ("pending", 202), ("delivered", 409)):
        api.webhook_records.force(delivery, status)
        response = api.call("POST", f"{place}/deliveries/{delivery}/retry")
        assert response.status_code == answer
    assert len(api.webhook_queue.sent) == 3


def test_should_bound_the_retries_by_hand_of_a_delivery_that_waits() -> None:
    """Each adds a message that is hidden for hours, and SQS has 120,000 in flight at most."""
    api = Api()
    place = f"/v1/webhooks/{_made(api)['webhook_id']}"
    delivery = api.call("POST", f"{place}/test").json_body["delivery_id"]
    retry = f"{place}/deliveries/{delivery}/retry"
    statuses = [api.call("POST", retry).status_code for _ in range(MAX_RETRIES + 2)]
    assert statuses == [*[202] * MAX_RETRIES, 429, 429]
    assert len(api.webhook_queue.sent) == 1 + MAX_RETRIES
    refused = api.call("POST", retry)
    assert "retried by hand 5 times" in refused.json_body["error"]["message"]
    assert int(refused.headers["Retry-After"]) >= 1
    api.webhook_records.force(delivery, "failed")
    assert api.call("POST", retry).status_code == 202
    assert len(api.webhook_queue.sent) == 2 + MAX_RETRIES


def test_should_send_no_message_for_a_retry_that_another_overtook() -> None:
    api = Api()
    place = f"/v1/webhooks/{_made(api)['webhook_id']}"
    delivery = api.call("POST", f"{place}/test").json_body["delivery_id"]
    api.webhook_records.is_overtaken = True
    assert api.call("POST", f"{place}/deliveries/{delivery}/retry").status_code == 409
    assert len(api.webhook_queue.sent) == 1
