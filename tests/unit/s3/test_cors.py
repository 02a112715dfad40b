"""Cross-origin rules. https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html"""

from __future__ import annotations

import pytest

from localcloud.errors import AwsError
from localcloud.s3.cors import parse_rules, preflight_headers, response_headers


def rules(*inner: str) -> bytes:
    text = "".join(f"<CORSRule>{one}</CORSRule>" for one in inner)
    return f"<CORSConfiguration>{text}</CORSConfiguration>".encode()


ORIGIN = "<AllowedOrigin>https://*.example.org</AllowedOrigin>"
GET = "<AllowedMethod>GET</AllowedMethod>"


def test_the_first_rule_that_allows_a_request_answers_it() -> None:
    parsed = parse_rules(
        rules(ORIGIN + GET, "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>")
    )
    get = response_headers(parsed, {"origin": "https://a.example.org"}, "GET")
    assert get["Access-Control-Allow-Origin"] == "https://a.example.org"
    assert get["Access-Control-Allow-Credentials"] == "true"
    put = response_headers(parsed, {"origin": "https://b.net"}, "PUT")
    assert put["Access-Control-Allow-Origin"] == "*"
    assert response_headers(parsed, {"origin": "https://b.net"}, "GET") == {}
    assert response_headers(parsed, {}, "GET") == {}


def test_a_preflight_needs_origin_and_method() -> None:
    with pytest.raises(AwsError, match="BadRequest"):
        preflight_headers(parse_rules(rules(ORIGIN + GET)), {"origin": "https://a.example.org"})


@pytest.mark.parametrize(
    "body",
    [
        rules(),
        rules(ORIGIN),
        rules(GET),
        rules(ORIGIN + GET + "<Surprise/>"),
        rules(ORIGIN + "<AllowedMethod>PATCH</AllowedMethod>"),
        rules("<AllowedOrigin>*.*</AllowedOrigin>" + GET),
        b"<CORSConfiguration><Rule/></CORSConfiguration>",
    ],
)
def test_rules_that_aws_does_not_take_are_refused(body: bytes) -> None:
    with pytest.raises(AwsError) as raised:
        parse_rules(body)
    assert raised.value.code in ("MalformedXML", "InvalidRequest")
