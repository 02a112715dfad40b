"""Deliveries to HTTP endpoints that behave badly: they hold no thread and no memory.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcloud.moto.sns_patches import Notification
from localcloud.service import CloudContext
from localcloud.sns.deliveries import TopicDeliveries

HEAD = b"HTTP/1.1 200 OK\r\nX-Slow: "


def notification(port: int) -> Notification:
    return Notification(
        subscription_arn="arn:aws:sns:us-east-1:000000000000:topic:1",
        topic_arn="arn:aws:sns:us-east-1:000000000000:topic",
        protocol="http",
        endpoint=f"http://127.0.0.1:{port}/",
        message_id="1",
        message="text",
        subject=None,
        attributes={},
        raw=True,
        signature_version="1",
        dead_letter_arn=None,
    )


@contextmanager
def endpoint(head: bytes, rest: bytes) -> Iterator[tuple[int, threading.Event]]:
    """Answer the first request with `head` and then `rest` for ever, until the client goes."""
    gone = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(head)
            while True:
                connection.sendall(rest)
                time.sleep(0.01)
        gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], gone


def test_an_endpoint_that_drips_should_hold_no_thread(tmp_path: Path) -> None:
    deliveries = TopicDeliveries(CloudContext(tmp_path, "http://127.0.0.1"), {}, http_s=0.2)
    with endpoint(HEAD, b"x") as (port, gone):
        deliveries.start()
        deliveries.send(notification(port))
        assert gone.wait(20)
    assert deliveries.pending() == 1
    deliveries.stop()


def test_the_body_of_an_answer_should_not_be_read(tmp_path: Path) -> None:
    deliveries = TopicDeliveries(CloudContext(tmp_path, "http://127.0.0.1"), {}, http_s=60)
    with endpoint(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000) as (port, gone):
        deliveries.start()
        deliveries.send(notification(port))
        assert gone.wait(20)
    deliveries.stop()
    assert deliveries.pending() == 0
