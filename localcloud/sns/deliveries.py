"""Deliveries of SNS to queues, functions and HTTP endpoints, which are kept until they are made.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.events.delivery_queue import SCHEMA, DeliveryQueue, TargetDelivery
from localcloud.moto.sns_patches import ConfirmationRequest, Notification, Sent
from localcloud.service import CloudContext, Deliverer
from localcloud.sns.messages import MessageFormats, Signer

HTTP_SECONDS = 15.0
"""The time limit of a whole attempt at an HTTP endpoint."""
_HTTP_RETRIES = {"MaximumRetryAttempts": 50, "MaximumEventAgeInSeconds": 3_600}
_MAX_RAW_ATTRIBUTES = 10
_URL_SAFE = "%/:=&?~+!$,;'@()*[]"
_TOO_MANY_REQUESTS = 429


class TopicDeliveries:
    """Delivers what topics send. `name` is not that of a service: moto answers SNS's API."""

    name = "sns-deliveries"

    def __init__(
        self,
        context: CloudContext,
        targets: Mapping[str, Deliverer],
        clock: Clock = time.time,
        http_s: float = HTTP_SECONDS,
    ) -> None:
        """Deliver by `targets` to queues (`sqs`) and functions (`lambda`).

        An attempt at an HTTP endpoint may take `http_s` seconds.
        """
        folder = context.folder("sns")
        self._context = context
        self._targets = targets
        self._clock = clock
        self.signer = Signer(folder)
        self._formats = MessageFormats(context.endpoint_url, self.signer)
        self._http_s = http_s
        self._database = Database(folder / "sns.sqlite3", SCHEMA)
        deliverers = {"sqs": self._to_queue, "lambda": self._to_function, "sns": self._to_endpoint}
        self._queue = DeliveryQueue(self._database, deliverers, clock, "sns")

    def start(self) -> None:
        """Start to deliver, first what an earlier process left."""
        self._queue.start()

    def stop(self) -> None:
        """Stop after the deliveries in progress."""
        self._queue.stop()
        self._database.close()

    def pending(self) -> int:
        """Return how many deliveries are not made."""
        return self._queue.pending()

    def send(self, sent: Sent) -> None:
        """Keep the delivery of what a topic sends, and begin it."""
        delivery = self._delivery(sent)
        with self._database.transaction() as connection:
            ids = self._queue.add(connection, [delivery])
        self._queue.announce(ids)

    def _delivery(self, sent: Sent) -> TargetDelivery:
        now = self._clock()
        source = {"SourceArn": sent.topic_arn, "SourceAccount": self._context.account_id}
        if isinstance(sent, ConfirmationRequest):
            headers = _headers(sent, "SubscriptionConfirmation")
            definition = {**source, "Url": sent.endpoint, "Headers": headers}
            text = json.dumps(self._formats.confirmation(sent, now), indent=2)
            return _target(sent.subscription_arn, definition | _policy(None, http=True), text, now)
        policy = _policy(sent.dead_letter_arn, http=sent.protocol in ("http", "https"))
        if sent.protocol == "lambda":
            event = self._formats.lambda_event(sent, now)
            return _target(sent.endpoint, source | policy, json.dumps(event), now)
        document = json.dumps(self._formats.notification(sent, now), indent=2)
        text = sent.message if sent.raw else document
        if sent.protocol == "sqs":
            attributes = _raw_attributes(sent) if sent.raw else {}
            definition = {**source, **policy, "RawAttributes": attributes}
            return _target(sent.endpoint, definition, text, now)
        headers = _headers(sent, "Notification") | (
            {"x-amz-sns-rawdelivery": "true"} if sent.raw else {}
        )
        definition = {**source, **policy, "Url": sent.endpoint, "Headers": headers}
        return _target(sent.subscription_arn, definition, text, now)

    def _to_queue(self, arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        attributes = {
            name: {**value, "BinaryValue": base64.b64decode(value["BinaryValue"])}
            if "BinaryValue" in value
            else value
            for name, value in definition.get("RawAttributes", {}).items()
        }
        more = {"MessageAttributes": attributes} if attributes else {}
        self._targets["sqs"](arn, payload, {**definition, **more})

    def _to_function(self, arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        self._targets["lambda"](arn, payload, definition)

    def _to_endpoint(self, arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        """Post to an HTTP endpoint. An answer of 4xx but 429 is final, as on AWS."""
        url = definition["Url"]
        text = str(definition["PayloadText"]).encode()
        status = _post(url, text, definition["Headers"], self._http_s)
        if 400 <= status < 500 and status != _TOO_MANY_REQUESTS:
            raise AwsError("ValidationException", f"{url} answered {status}.")
        if not 200 <= status < 300:
            raise AwsError("EndpointFailure", f"{url} answered {status}.", 502)


def _post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> int:
    """Post to `url` and return the status of the answer, whose body is not read.

    The connection is shut once the time is over: a socket's own timeout begins anew with each
    byte, so that an endpoint which drips would hold a thread of the deliveries for hours.

    Raises OSError or HTTPException if there is no answer in time.
    """
    address = urlsplit(url)
    is_secure = address.scheme == "https"
    kind = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=seconds)
    with contextlib.closing(connection):
        connection.connect()
        is_late = threading.Event()
        timer = threading.Timer(seconds, _shut, [connection.sock, is_late])
        timer.daemon = True  # else the end of the process would wait for it
        timer.start()
        try:
            path = quote(address.path or "/", safe=_URL_SAFE)
            query = quote(address.query, safe=_URL_SAFE)
            target = f"{path}?{query}" if query else path
            connection.request("POST", target, body, dict(headers))
            status = connection.getresponse().status
        finally:
            timer.cancel()
    if is_late.is_set():
        raise TimeoutError(f"{url} had not answered after {seconds:g} s.")
    return status


def _shut(opened: socket.socket, is_late: threading.Event) -> None:
    is_late.set()  # else what came of the headers would pass for all of them
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


def _target(arn: str, definition: Mapping[str, Any], text: str, now: float) -> TargetDelivery:
    return TargetDelivery(arn, definition, text, now, text)


def _policy(dead_letter_arn: str | None, *, http: bool) -> dict[str, Any]:
    dead_letter = {"DeadLetterConfig": {"Arn": dead_letter_arn}} if dead_letter_arn else {}
    return dead_letter | ({"RetryPolicy": _HTTP_RETRIES} if http else {})


def _headers(sent: Sent, kind: str) -> dict[str, str]:
    return {
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": sent.message_id,
        "x-amz-sns-topic-arn": sent.topic_arn,
        **({"x-amz-sns-subscription-arn": sent.subscription_arn} if kind == "Notification" else {}),
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
    }


def _raw_attributes(sent: Notification) -> dict[str, dict[str, str]]:
    """Return the attributes of a raw message as SQS takes them, of which it takes ten."""
    if len(sent.attributes) > _MAX_RAW_ATTRIBUTES:
        raise AwsError(
            "InvalidParameter",
            f"A raw message for a queue has {_MAX_RAW_ATTRIBUTES} attributes at most.",
        )
    return {
        name: {
            "DataType": value["Type"],
            ("BinaryValue" if value["Type"].startswith("Binary") else "StringValue"): value[
                "Value"
            ],
        }
        for name, value in sent.attributes.items()
    }
