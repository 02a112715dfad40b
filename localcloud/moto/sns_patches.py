"""Patches of moto's SNS: what a topic sends leaves moto, and HTTP endpoints confirm.

moto keeps topics, subscriptions and filter policies. By itself it would deliver to queues and
functions of its own, keep every message, and take a subscription of an HTTP endpoint for confirmed
at once.

They change attributes of moto's classes while it works, so one thread at a time may use moto.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.moto_api._internal import mock_random
from moto.sns.exceptions import SNSInvalidParameter, SNSNotFoundError
from moto.sns.models import SNSBackend, Subscription, Topic
from moto.sns.responses import SNSResponse

HTTP_PROTOCOLS = ("http", "https")
_TOKEN = "headrace_token"  # noqa: S105 - the name of an attribute
_PENDING = "PendingConfirmation"
_moto_subscribe = SNSBackend.subscribe
_moto_answer_subscribe = SNSResponse.subscribe
_moto_publish = Topic.publish


@dataclass(frozen=True, slots=True)
class Notification:
    """A message of a topic for one subscription whose filter it passed.

    `attributes` have `Type` and `Value`, as in the message of SNS; `raw` asks for the message
    alone. `dead_letter_arn` is the queue that gets what cannot be delivered, if there is one.
    """

    subscription_arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    message_id: str
    message: str
    subject: str | None
    attributes: Mapping[str, Mapping[str, str]]
    raw: bool
    signature_version: str
    dead_letter_arn: str | None


@dataclass(frozen=True, slots=True)
class ConfirmationRequest:
    """A request to an HTTP endpoint to confirm its subscription by `token`."""

    subscription_arn: str
    topic_arn: str
    endpoint: str
    message_id: str
    token: str
    signature_version: str


Sent = Notification | ConfirmationRequest
Send = Callable[[Sent], None]
"""Takes what a topic sends, and returns once it is durable."""

_send: list[Send] = []


def install() -> None:
    """Replace the methods of moto's classes."""
    Topic.publish = _publish_to_topic  # type: ignore[method-assign,assignment]
    Subscription.publish = _publish  # type: ignore[method-assign,assignment]
    SNSBackend.subscribe = _subscribe  # type: ignore[method-assign,assignment]
    SNSResponse.subscribe = _answer_subscribe  # type: ignore[method-assign,assignment]
    SNSResponse.confirm_subscription = _confirm_subscription  # type: ignore[method-assign,assignment]


@contextmanager
def sending(send: Send | None) -> Iterator[None]:
    """Give what topics send to `send` meanwhile; outside of this it is dropped."""
    if send is not None:
        _send.append(send)
    try:
        yield
    finally:
        _send.clear()


def _publish_to_topic(topic: Topic, *args: Any, **named: Any) -> str:
    """Publish as moto does, which keeps every message for tests to look at: in vain here."""
    message_id = _moto_publish(topic, *args, **named)
    topic.sent_notifications.clear()
    return message_id


def _publish(  # noqa: PLR0913 - as moto calls it
    subscription: Subscription,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
    group_id: str | None = None,
    deduplication_id: str | None = None,
    message_structure: str | None = None,
) -> None:
    matcher = subscription._filter_policy_matcher
    if _is_true(subscription.attributes.get(_PENDING)):
        return
    if matcher is not None and not matcher.matches(message_attributes, message):
        return
    if message_structure == "json":
        message = subscription._parse_message_structure(message, subscription.protocol)
    redrive = subscription.attributes.get("RedrivePolicy") or {}
    for send in _send:
        send(
            Notification(
                subscription.arn,
                subscription.topic.arn,
                subscription.protocol,
                subscription.endpoint,
                message_id,
                message,
                subject,
                {name: _attribute(value) for name, value in (message_attributes or {}).items()},
                _is_true(subscription.attributes.get("RawMessageDelivery")),
                _signature_version(subscription),
                _dead_letter_arn(redrive),
            )
        )


def _subscribe(backend: SNSBackend, topic_arn: str, endpoint: str, protocol: str) -> Subscription:
    is_http = protocol in HTTP_PROTOCOLS
    if is_http and not endpoint.startswith(f"{protocol}://"):
        raise SNSInvalidParameter("Invalid parameter: Endpoint must match the specified protocol")
    parts = endpoint.split(":")
    if not is_http and (parts[2:3] != [protocol] or not all(parts[3:6]) or len(parts) < 6):
        raise SNSInvalidParameter(f"Invalid parameter: {protocol.upper()} endpoint ARN")
    known = backend._find_subscription(topic_arn, endpoint, protocol)
    subscription = _moto_subscribe(backend, topic_arn, endpoint, protocol)
    if is_http and known is None:
        token = f"{mock_random.uuid4().hex}{mock_random.uuid4().hex}"
        subscription.attributes |= {_PENDING: True, "ConfirmationWasAuthenticated": False}
        setattr(subscription, _TOKEN, token)
    if is_http and _is_true(subscription.attributes.get(_PENDING)):
        for send in _send:
            send(
                ConfirmationRequest(
                    subscription.arn,
                    topic_arn,
                    endpoint,
                    str(mock_random.uuid4()),
                    getattr(subscription, _TOKEN),
                    _signature_version(subscription),
                )
            )
    return subscription


def _answer_subscribe(response: SNSResponse) -> ActionResult:
    """Answer Subscribe; the ARN of a pending subscription is told where it is asked for."""
    returns_arn = _is_true(response._get_param("ReturnSubscriptionArn"))
    answer = _moto_answer_subscribe(response)
    assert isinstance(answer.result, dict), "moto answers with the ARN"
    subscription = response.backend.subscriptions[answer.result["SubscriptionArn"]]
    if _is_true(subscription.attributes.get(_PENDING)) and not returns_arn:
        return ActionResult({"SubscriptionArn": "pending confirmation"})
    return answer


def _confirm_subscription(response: SNSResponse) -> ActionResult:
    topic_arn, token = response._get_param("TopicArn"), response._get_param("Token")
    if topic_arn not in response.backend.topics:
        raise SNSNotFoundError("Topic does not exist")
    for subscription in response.backend.subscriptions.values():
        is_of_topic = subscription.topic.arn == topic_arn
        if is_of_topic and token and getattr(subscription, _TOKEN, None) == token:
            subscription.attributes[_PENDING] = False
            return ActionResult({"SubscriptionArn": subscription.arn})
    raise SNSInvalidParameter("Invalid parameter: Token")


def _attribute(given: Mapping[str, Any]) -> Mapping[str, str]:
    value = given["Value"]
    text = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    return {"Type": given["Type"], "Value": text}


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


def _signature_version(subscription: Subscription) -> str:
    return str(getattr(subscription.topic, "signature_version", None) or "1")


def _dead_letter_arn(redrive: Any) -> str | None:
    if isinstance(redrive, str):
        redrive = json.loads(redrive)
    found = redrive.get("deadLetterTargetArn")
    return str(found) if found else None
