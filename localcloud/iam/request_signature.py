"""Signature Version 4 in the Authorization header of a request: read and verified. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from botocore.utils import normalize_url_path

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW_S = 300
S3_MAX_SKEW_S = 900
"""The most seconds that a signature's time may be from ours; S3 allows more than others.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=([^/,\s]+)/(\d{{8}})/([^/,\s]+)/([^/,\s]+)/aws4_request,\s*"
    r"SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_CONTENT_HASH = "x-amz-content-sha256"
_UNRESERVED = "-_.~"


class SignatureError(ValueError):
    """Raised when a signature does not fit its request; the message says what differs."""


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """A signature with its credential scope. `headers` are the names that it covers."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str

    @classmethod
    def from_header(cls, authorization: str) -> RequestSignature | None:
        """Read an Authorization header; None if it is no complete signature."""
        found = _AUTHORIZATION.fullmatch(authorization.strip())
        if found is None:
            return None
        access_key, date, region, service, names, signature = found.groups()
        return cls(access_key, date, region, service, tuple(names.split(";")), signature)

    @property
    def scope(self) -> str:
        """The credential scope without the access key."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that are signed.

    `path` and `query` are still encoded, header names in lower case; `body` is None where the
    service reads it later and compares it with the header `x-amz-content-sha256` (S3).
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None


def verify(request: SignedRequest, signature: RequestSignature, secret: str, now: float) -> None:
    """Raise SignatureError unless `signature` is that of `request` by `secret`, and recent."""
    covered = set(signature.headers)
    if "host" not in covered:
        raise SignatureError("The signature does not cover the header host.")
    for name in request.headers:
        if name.startswith("x-amz-") and name not in covered:
            raise SignatureError(f"The header {name} was not signed.")
    date = request.headers.get("x-amz-date", "")
    skew = S3_MAX_SKEW_S if signature.service == "s3" else MAX_SKEW_S
    if date[:8] != signature.date or abs(now - _timestamp(date)) > skew:
        raise SignatureError(
            f"Signature expired or not yet current: x-amz-date is {date!r}, the scope's date "
            f"{signature.date}; at most {skew} s of difference are taken."
        )
    expected = sign(request, signature, secret)
    if not hmac.compare_digest(expected, signature.signature):
        raise SignatureError(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method."
        )


def sign(request: SignedRequest, signature: RequestSignature, secret: str) -> str:
    """Return the signature of `request` in the scope of `signature`, in hex."""
    canonical = _canonical_request(request, signature).encode("latin-1", "replace")
    text = "\n".join(
        [
            ALGORITHM,
            request.headers.get("x-amz-date", ""),
            signature.scope,
            hashlib.sha256(canonical).hexdigest(),
        ]
    )
    return hmac.new(signing_key(secret, signature.scope), text.encode(), "sha256").hexdigest()


@lru_cache(maxsize=256)
def signing_key(secret: str, scope: str) -> bytes:
    """Derive the key that signs requests in a credential scope."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical_request(request: SignedRequest, signature: RequestSignature) -> str:
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signature.headers
    )
    return "\n".join(
        [
            request.method,
            _canonical_path(request.path, signature.service),
            _canonical_query(request.query),
            headers,
            ";".join(signature.headers),
            _payload_hash(request),
        ]
    )


def _canonical_path(path: str, service: str) -> str:
    """Return the path as it is signed: S3 encodes it once, the others what came once more."""
    if service == "s3":
        return quote(unquote_to_bytes(path), safe=f"/{_UNRESERVED}")
    return quote(normalize_url_path(path), safe=f"/{_UNRESERVED}")


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
    return "&".join(
        f"{name}={value}"
        for name, value in sorted((_encode(name), _encode(value)) for name, value in pairs)
    )


def _encode(text: str) -> str:
    return quote(text.encode("latin-1"), safe=_UNRESERVED)


def _payload_hash(request: SignedRequest) -> str:
    if request.body is None:
        return request.headers.get(_CONTENT_HASH, "")
    return hashlib.sha256(request.body).hexdigest()


def _timestamp(date: str) -> float:
    parts = _DATE.fullmatch(date)
    try:
        year, month, day, hour, minute, second = map(int, parts.groups() if parts else ())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        raise SignatureError(f"x-amz-date is {date!r}, not as 20260101T000000Z.") from None
