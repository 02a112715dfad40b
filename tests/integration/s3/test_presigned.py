"""Presigned URLs, upload forms, and who is refused.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botocore.config import Config

from tests.integration.s3.serving import PLAIN, SIGNED_V4, Running

VERSIONS = pytest.mark.parametrize("config", [PLAIN, SIGNED_V4], ids=["v2", "v4"])


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def code_of(response: httpx.Response) -> str:
    found = re.search("<Code>(.*)</Code>", response.text)
    return found[1] if found else ""


@VERSIONS
def test_a_presigned_get_returns_the_object(
    s3: Any, local: Running, http: httpx.Client, config: Config
) -> None:
    s3.put_object(Bucket="photos", Key="a b/ü+.txt", Body=b"hello")
    url = local.client(config).generate_presigned_url(
        "get_object",
        Params={
            "Bucket": "photos",
            "Key": "a b/ü+.txt",
            "ResponseContentDisposition": 'attachment; filename="a b.txt"',
        },
    )
    got = http.get(url, headers={"Range": "bytes=1-2"})
    assert (got.status_code, got.content) == (206, b"el")
    assert got.headers["content-disposition"] == 'attachment; filename="a b.txt"'


@VERSIONS
def test_a_presigned_put_stores_the_object_with_what_was_signed(
    s3: Any, local: Running, http: httpx.Client, config: Config
) -> None:
    url = local.client(config).generate_presigned_url(
        "put_object",
        Params={"Bucket": "photos", "Key": "k", "ContentType": "text/x", "Metadata": {"a": "1"}},
    )
    headers = {"Content-Type": "text/x", "x-amz-meta-a": "1"}
    assert http.put(url, content=b"hello", headers=headers).status_code == 200
    got = s3.get_object(Bucket="photos", Key="k")
    assert (got["Body"].read(), got["ContentType"]) == (b"hello", "text/x")
    assert got["Metadata"] == {"a": "1"}


@VERSIONS
def test_a_presigned_url_ends_when_it_says(
    s3: Any, local: Running, http: httpx.Client, config: Config
) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"x")
    url = local.client(config).generate_presigned_url(
        "get_object", Params={"Bucket": "photos", "Key": "k"}, ExpiresIn=60
    )
    assert http.get(url).status_code == 200
    local.clock.ahead = 62
    refused = http.get(url)
    assert (refused.status_code, code_of(refused)) == (403, "AccessDenied")
    assert "Request has expired" in refused.text


@VERSIONS
@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [("test", "wrong", "SignatureDoesNotMatch"), ("nobody", "test", "InvalidAccessKeyId")],
)
def test_a_url_that_another_secret_signed_is_refused(
    local: Running, http: httpx.Client, config: Config, key: str, secret: str, code: str
) -> None:
    url = local.client(config, key, secret).generate_presigned_url(
        "get_object", Params={"Bucket": "photos", "Key": "k"}
    )
    refused = http.get(url)
    assert (refused.status_code, code_of(refused)) == (403, code)


@VERSIONS
def test_a_url_for_one_key_or_method_is_none_for_another(
    s3: Any, local: Running, http: httpx.Client, config: Config
) -> None:
    url = local.client(config).generate_presigned_url(
        "get_object", Params={"Bucket": "photos", "Key": "k"}
    )
    assert code_of(http.get(url.replace("/k?", "/other?"))) == "SignatureDoesNotMatch"
    assert code_of(http.put(url, content=b"x")) == "SignatureDoesNotMatch"


def test_a_header_that_was_not_signed_is_refused(
    s3: Any, local: Running, http: httpx.Client
) -> None:
    url = local.client(SIGNED_V4).generate_presigned_url(
        "put_object", Params={"Bucket": "photos", "Key": "k"}
    )
    refused = http.put(url, content=b"x", headers={"x-amz-meta-a": "1"})
    assert code_of(refused) == "AccessDenied"
    assert "not signed" in refused.text


@pytest.mark.parametrize("seconds", ["0", "604801", "x"])
def test_a_lifetime_outside_a_week_is_refused(
    local: Running, http: httpx.Client, seconds: str
) -> None:
    url = local.client(SIGNED_V4).generate_presigned_url(
        "get_object", Params={"Bucket": "photos", "Key": "k"}, ExpiresIn=60
    )
    refused = http.get(url.replace("X-Amz-Expires=60", f"X-Amz-Expires={seconds}"))
    assert code_of(refused) == "AuthorizationQueryParametersError"


def test_who_does_not_sign_is_denied(s3: Any, local: Running, http: httpx.Client) -> None:
    for response in (
        http.get(f"{local.endpoint}/photos/k"),
        http.put(f"{local.endpoint}/photos/k", content=b"x"),
        http.post(f"{local.endpoint}/photos", files={"file": b"x"}, data={"key": "k"}),
        http.get(f"{local.endpoint}/"),
    ):
        assert (response.status_code, code_of(response)) == (403, "AccessDenied")
        assert response.headers["x-amz-request-id"]
        assert response.headers["content-type"] == "application/xml"


def form(local: Running, config: Config = SIGNED_V4, **wanted: Any) -> dict[str, Any]:
    made: dict[str, Any] = local.client(config).generate_presigned_post("photos", **wanted)
    return made


def send(http: httpx.Client, made: dict[str, Any], content: bytes, **fields: str) -> httpx.Response:
    return http.post(
        made["url"],
        data={**made["fields"], **fields},
        files={"file": ("photo.png", content, "image/png")},
    )


@VERSIONS
def test_a_form_uploads_under_its_policy(
    s3: Any, local: Running, http: httpx.Client, config: Config
) -> None:
    made = form(
        local,
        config,
        Key="in/${filename}",
        Fields={"Content-Type": "image/png", "x-amz-meta-a_b": "1"},
        Conditions=[
            {"Content-Type": "image/png"},
            {"x-amz-meta-a_b": "1"},
            ["content-length-range", 1, 1000],
        ],
    )
    assert send(http, made, b"pixels").status_code == 204
    got = s3.get_object(Bucket="photos", Key="in/photo.png")
    assert (got["Body"].read(), got["ContentType"]) == (b"pixels", "image/png")
    assert got["Metadata"] == {"a_b": "1"}


@pytest.mark.parametrize(
    ("size", "code"), [(11, "EntityTooLarge"), (3_000_000, "EntityTooLarge"), (4, "EntityTooSmall")]
)
def test_a_form_holds_the_file_to_its_size(
    s3: Any, local: Running, http: httpx.Client, size: int, code: str
) -> None:
    made = form(local, Key="k", Conditions=[["content-length-range", 5, 10]])
    refused = send(http, made, b"x" * size)
    assert (refused.status_code, code_of(refused)) == (400, code)
    assert "Contents" not in s3.list_objects_v2(Bucket="photos")


def test_a_form_says_where_to_go_next(s3: Any, local: Running, http: httpx.Client) -> None:
    created = {"success_action_status": "201"}
    answered = send(http, form(local, Key="k", Fields=created, Conditions=[created]), b"x")
    assert answered.status_code == 201
    assert "<PostResponse" in answered.text
    assert f"<Location>{local.endpoint}/photos/k</Location>" in answered.text
    away = {"success_action_redirect": "https://example.org/done?a=1"}
    answered = send(http, form(local, Key="k", Fields=away, Conditions=[away]), b"x")
    assert answered.status_code == 303
    query = parse_qs(urlsplit(answered.headers["location"]).query)
    assert (query["a"], query["bucket"], query["key"]) == (["1"], ["photos"], ["k"])


def test_a_form_with_a_field_its_policy_does_not_know_is_refused(
    s3: Any, local: Running, http: httpx.Client
) -> None:
    refused = send(http, form(local, Key="k"), b"x", acl="private")
    assert (refused.status_code, code_of(refused)) == (403, "AccessDenied")
    assert "Extra input fields: acl" in refused.text


def test_a_form_with_another_key_or_another_policy_is_refused(
    s3: Any, local: Running, http: httpx.Client
) -> None:
    made = form(local, Key="k")
    assert code_of(send(http, made, b"x", key="other")) == "AccessDenied"
    larger = form(local, Key="k", Conditions=[["content-length-range", 0, 10**9]])
    mixed = {**made, "fields": {**made["fields"], "policy": larger["fields"]["policy"]}}
    assert code_of(send(http, mixed, b"x")) == "SignatureDoesNotMatch"


def test_a_form_ends_when_its_policy_says(s3: Any, local: Running, http: httpx.Client) -> None:
    made = form(local, Key="k", ExpiresIn=60)
    local.clock.ahead = 62
    refused = send(http, made, b"x")
    assert code_of(refused) == "AccessDenied"
    assert "Policy expired" in refused.text


def test_a_browser_of_an_allowed_origin_may_upload(
    s3: Any, local: Running, http: httpx.Client
) -> None:
    s3.put_bucket_cors(
        Bucket="photos",
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": ["https://*.example.org"],
                    "AllowedMethods": ["PUT", "POST"],
                    "AllowedHeaders": ["content-*"],
                    "ExposeHeaders": ["ETag"],
                    "MaxAgeSeconds": 60,
                }
            ]
        },
    )
    origin = "https://app.example.org"
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    allowed = http.options(f"{local.endpoint}/photos/k", headers=asks)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == origin
    assert allowed.headers["access-control-allow-headers"] == "content-type"
    assert allowed.headers["access-control-max-age"] == "60"
    for changed in (
        {"Origin": "https://evil.org"},
        {"Access-Control-Request-Method": "DELETE"},
        {"Access-Control-Request-Headers": "authorization"},
    ):
        refused = http.options(f"{local.endpoint}/photos/k", headers={**asks, **changed})
        assert (refused.status_code, code_of(refused)) == (403, "AccessForbidden")
    made = form(local, Key="k")
    answered = http.post(
        made["url"], data=made["fields"], files={"file": b"x"}, headers={"Origin": origin}
    )
    assert answered.headers["access-control-allow-origin"] == origin
    assert answered.headers["access-control-expose-headers"] == "ETag"
