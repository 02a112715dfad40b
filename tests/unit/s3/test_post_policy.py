"""Policies of upload forms.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.s3.request_body.post_policy import ContentLengthRange, PostPolicy

EXPIRATION = "2026-01-01T00:00:00Z"
BEFORE, AFTER = 1_767_225_599.0, 1_767_225_601.0


def encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def policy(*conditions: Any) -> PostPolicy:
    return PostPolicy.decode(encoded({"expiration": EXPIRATION, "conditions": list(conditions)}))


@pytest.mark.parametrize(
    ("condition", "fields", "allowed"),
    [
        ({"acl": "private"}, {"acl": "private"}, True),
        ({"acl": "private"}, {"acl": "public-read"}, False),
        ({"acl": "private"}, {}, False),
        (["eq", "$Key", "a"], {"key": "a"}, True),
        (["eq", "$key", "a"], {"key": "ab"}, False),
        (["starts-with", "$key", "in/"], {"key": "in/x"}, True),
        (["starts-with", "$key", "in/"], {"key": "out/x"}, False),
        (["starts-with", "$key", ""], {"key": "anything"}, True),
        (["starts-with", "$Content-Type", "image/"], {"content-type": "image/png,image/x"}, True),
        (["starts-with", "$Content-Type", "image/"], {"content-type": "image/png,text/x"}, False),
        ({"bucket": "photos"}, {}, True),
        ({"bucket": "other"}, {}, False),
    ],
)
def test_a_condition_holds_or_the_form_is_refused(
    condition: Any, fields: dict[str, str], allowed: bool
) -> None:
    if allowed:
        policy(condition).check(fields, "photos", BEFORE)
        return
    with pytest.raises(AwsError, match="Policy Condition failed"):
        policy(condition).check(fields, "photos", BEFORE)


def test_every_field_must_be_named_by_a_condition() -> None:
    with pytest.raises(AwsError, match="Extra input fields: x-amz-meta-a"):
        policy({"key": "k"}).check({"key": "k", "x-amz-meta-a": "1"}, "photos", BEFORE)


def test_the_signature_and_ignored_fields_need_no_condition() -> None:
    fields = {"key": "k", "policy": "p", "x-amz-signature": "s", "x-ignore-me": "1"}
    policy({"key": "k"}).check(fields, "photos", BEFORE)


def test_an_expired_policy_is_refused() -> None:
    with pytest.raises(AwsError, match="Policy expired"):
        policy({"key": "k"}).check({"key": "k"}, "photos", AFTER)


def test_the_size_is_between_its_limits() -> None:
    limit = policy(["content-length-range", 2, "4"]).size
    assert limit == ContentLengthRange(2, 4)
    assert limit is not None
    limit.check_size(2)
    limit.check_size(4)
    with pytest.raises(AwsError, match="EntityTooSmall"):
        limit.check_size(1)
    with pytest.raises(AwsError, match="EntityTooLarge"):
        limit.check_maximum(5)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"expiration": EXPIRATION},
        {"conditions": []},
        {"expiration": "tomorrow", "conditions": []},
        {"expiration": "2026-01-01T00:00:00", "conditions": []},
        {"expiration": EXPIRATION, "conditions": [["like", "$key", "a"]]},
        {"expiration": EXPIRATION, "conditions": [["eq", "key", "a"]]},
        {"expiration": EXPIRATION, "conditions": [["content-length-range", 1]]},
        {"expiration": EXPIRATION, "conditions": [{"key": 1}]},
        {"expiration": EXPIRATION, "conditions": ["key"]},
    ],
)
def test_a_malformed_policy_is_refused(document: Any) -> None:
    with pytest.raises(AwsError, match="InvalidPolicyDocument"):
        PostPolicy.decode(encoded(document))


def test_a_policy_that_is_not_base64_json_is_refused() -> None:
    for text in ("%%%", base64.b64encode(b"{").decode()):
        with pytest.raises(AwsError, match="InvalidPolicyDocument"):
            PostPolicy.decode(text)
