from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from chalicelib.adapters.checked_http import resolve
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
    assert status or answer.error.startswith("SSLCertVerificationError")


@contextmanager
def _dripping(answer: bytes) -> Iterator[tuple[int, list[int]]]:
    """Run a receiver that sends `answer` and then a byte every few milliseconds, for ever."""
    dripped: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(answer)
                while True:
                    connection.sendall(b"a")
                    dripped.append(1)
                    time.sleep(0.005)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1], dripped
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"HTTP/1.1 ",
        b"HTTP/1.1 200 OK\r\nx: ",
        b"HTTP/1.1 500 Oops\r\ncontent-length: 1000\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=["nothing", "status", "header", "body", "continue"],
)
def test_should_end_an_attempt_however_slowly_the_receiver_answers(begun: bytes) -> None:
    with _dripping(begun) as (port, dripped):
        sender = WebhookSender(private_allowed=True, attempt_seconds=0.1)
        answer = sender.post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.status is None
    assert "within 0.1 seconds" in answer.error
    assert dripped


def test_should_end_an_attempt_whose_name_is_never_looked_up() -> None:
    given_up = threading.Event()

    def resolve(host: str, port: int) -> Sequence[str]:
        given_up.wait(60)
        return ["127.0.0.1"]

    sender = WebhookSender(private_allowed=True, resolve=resolve, attempt_seconds=0.05)
    answer = sender.post("http://hooks.test/", {}, b"{}")
    given_up.set()
    assert (answer.status, "TimeoutError" in answer.error) == (None, True)


def test_should_end_an_attempt_at_a_receiver_that_never_completes_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = WebhookSender(private_allowed=True, attempt_seconds=0.1)
        answer = sender.post(f"https://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}")
    assert (answer.status, "TimeoutError" in answer.error) == (None, True)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001", "metadata.test"])
def test_should_refuse_other_ways_to_write_a_private_address(host: str) -> None:
    def look_up(name: str, port: int) -> Sequence[str]:
        return ["169.254.169.254"] if name == "metadata.test" else resolve(name, port)

    sender = WebhookSender(private_allowed=False, resolve=look_up)
    answer = sender.post(f"https://{host}/latest/meta-data/", {}, b"{}")
    assert (answer.status, "private" in answer.error) == (None, True)


def test_should_refuse_a_name_of_which_only_one_address_is_private() -> None:
    sender = WebhookSender(
        private_allowed=False, resolve=lambda host, port: ["93.184.216.34", "10.0.0.1"]
    )
    answer = sender.post("https://hooks.test/", {}, b"{}")
    assert (answer.status, "private" in answer.error) == (None, True)


def test_should_connect_to_the_checked_address_when_the_name_changes() -> None:
    """A name that is rebound after its check leads nowhere else: it is looked up once."""
    looked_up: list[str] = []

    def look_up(host: str, port: int) -> Sequence[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["127.0.0.2"]

    with receiving() as receiver:
        sender = WebhookSender(private_allowed=True, resolve=look_up)
        answer = sender.post(f"http://rebound.test:{receiver.port}/", {}, b"{}")
    assert answer.is_success
    assert looked_up == ["rebound.test"]
    assert receiver.got[0][1]["host"] == f"rebound.test:{receiver.port}"
