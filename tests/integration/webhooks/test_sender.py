from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from chalicelib.adapters.webhook_sender import WebhookSender
from tests.integration.webhooks.certificates import server_context
from tests.integration.webhooks.receiver import receiving


def test_should_post_and_tell_the_status() -> None:
    with receiving() as receiver:
        url = f"http://localhost:{receiver.port}/hook?a=b"
        answer = WebhookSender(private_allowed=True).post(url, {"webhook-id": "1"}, b"{}")
    assert answer.is_success
    path, headers, body = receiver.got[0]
    assert (path, body) == ("/hook?a=b", b"{}")
    assert headers["webhook-id"] == "1"
    assert headers["host"] == f"localhost:{receiver.port}"


@pytest.mark.parametrize("status", [302, 400, 410, 500])
def test_should_tell_a_refusal_and_follow_nothing(status: int) -> None:
    with receiving() as receiver:
        receiver.statuses = [status]
        url = f"http://127.0.0.1:{receiver.port}/"
        answer = WebhookSender(private_allowed=True).post(url, {}, b"{}")
    assert (answer.status, answer.error, answer.is_success) == (status, "hello", False)
    assert len(receiver.got) == 1


def test_should_tell_that_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        answer = WebhookSender(private_allowed=True).post(url, {}, b"{}")
    assert answer.status is None
    assert "refused" in answer.error


def test_should_not_call_a_private_address_behind_a_public_name() -> None:
    with receiving() as receiver:

        def resolve(host: str, port: int) -> Sequence[str]:
            return ["127.0.0.1"]

        sender = WebhookSender(private_allowed=False, resolve=resolve)
        answer = sender.post(f"https://example.com:{receiver.port}/", {}, b"{}")
    assert answer.status is None
    assert "private" in answer.error
    assert receiver.got == []


def test_should_tell_that_a_name_leads_nowhere() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("no such host")

    answer = WebhookSender(private_allowed=False, resolve=resolve).post("https://a.test/", {}, b"")
    assert (answer.status, "gaierror" in answer.error) == (None, True)


@pytest.mark.parametrize(
    ("host", "trusts", "status"),
    [("hooks.test", True, 204), ("hooks.test", False, None), ("other.test", True, None)],
)
def test_should_hold_a_receiver_to_its_certificate(
    host: str,
    trusts: bool,
    status: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, trusted = server_context("hooks.test", tmp_path)
    if trusts:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    def resolve(name: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    with receiving(context) as receiver:
        sender = WebhookSender(private_allowed=True, resolve=resolve)
        answer = sender.post(f"https://{host}:{receiver.port}/", {}, b"{}")
    assert answer.status == status
    assert len(receiver.got) == (1 if status else 0)
    assert status or answer.error.startswith("SSLError")
