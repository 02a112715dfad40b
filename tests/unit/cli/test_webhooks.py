from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

MADE = {
    "webhook_id": "wh_a",
    "url": "https://example.com/hook",
    "events": ["document.ready"],
    "status": "active",
    "secret": "whsec_abc",
}


def test_should_make_a_webhook_and_show_its_secret(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.answer = MADE
    ended = headrace("webhooks", "add", str(MADE["url"]), "--event", "document.ready")
    assert ended.code == 0
    assert "whsec_abc" in ended.out
    method, path, body = fake.requests[-1]
    assert (method, path) == ("POST", "/v1/webhooks")
    assert body == {"url": MADE["url"], "events": ["document.ready"], "description": ""}


@pytest.mark.parametrize(
    ("arguments", "method", "path"),
    [
        (("test", "wh_a"), "POST", "/v1/webhooks/wh_a/test"),
        (("secret", "wh_a"), "POST", "/v1/webhooks/wh_a/secret"),
        (("retry", "wh_a", "evt/1"), "POST", "/v1/webhooks/wh_a/deliveries/evt%2F1/retry"),
    ],
)
def test_should_ask_for_what_is_named(
    fake: FakeHeadrace, headrace: Headrace, arguments: tuple[str, ...], method: str, path: str
) -> None:
    fake.answer = {"delivery_id": "evt_1", "secret": "whsec_new"}
    headrace("webhooks", *arguments)
    assert (fake.requests[-1][0], fake.requests[-1][1]) == (method, path)


def test_should_list_and_tell_why_a_delivery_failed(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["webhooks"] = {"items": [MADE]}
    assert "https://example.com/hook" in headrace("webhooks", "ls").out
    fake.documents["deliveries?limit=20"] = {
        "items": [
            {
                "delivery_id": "evt_1",
                "type": "document.ready",
                "status": "failed",
                "attempts": 8,
                "last_http_status": 500,
                "last_error": "boom",
            }
        ]
    }
    ended = headrace("webhooks", "deliveries", "wh_a")
    assert "boom" in ended.out
