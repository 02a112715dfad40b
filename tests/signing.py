"""Requests signed as an AWS client signs them, for tests that send what no client would."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def signed_headers(
    service: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    secret: str = "test",
) -> dict[str, str]:
    """Return `headers` with the signature of the account's key `test`."""
    request = AWSRequest(method, url, dict(headers or {}), body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials("test", secret), service, "us-east-1").add_auth(request)
    return dict(request.headers.items())
