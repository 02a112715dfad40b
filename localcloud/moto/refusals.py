"""Refusals of calls that moto would accept and then not do, or not keep across a restart."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

from localcloud.errors import AwsError

_PROTOCOLS = ("sqs", "lambda", "http", "https")
_SYMMETRIC_KEY_SPECS = ("SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512")


def check_supported(service: str, operation: str, body: bytes) -> None:
    """Raise UnsupportedOperation for a call that moto must not be given."""
    reason = None
    if (service, operation) == ("kms", "CreateKey"):
        reason = _unsupported_key(body)
    if (service, operation) == ("sns", "Subscribe"):
        reason = _unsupported_subscription(body)
    if reason:
        raise AwsError("UnsupportedOperation", reason, 501)


def _unsupported_subscription(body: bytes) -> str | None:
    form = parse_qs(body.decode("utf-8", "replace"))
    protocol, topic = form.get("Protocol", [""])[0], form.get("TopicArn", [""])[0]
    if topic.endswith(".fifo"):
        return "The local cloud delivers no messages of FIFO topics; they work on AWS only."
    if protocol and protocol not in _PROTOCOLS:
        return (
            f"The local cloud delivers to {', '.join(_PROTOCOLS)}, not by {protocol}; it works on "
            "AWS only."
        )
    return None


def _unsupported_key(body: bytes) -> str | None:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None  # moto words this error itself
    if not isinstance(request, dict):
        return None
    spec = request.get("KeySpec") or request.get("CustomerMasterKeySpec") or _SYMMETRIC_KEY_SPECS[0]
    if spec in _SYMMETRIC_KEY_SPECS:
        return None
    return (
        f"The local cloud keeps no {spec} keys, for it could not have the same key after a "
        "restart; they work on AWS only."
    )
