"""An S3 request parsed from WSGI; the bucket is named by the path or by the host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from localcloud.errors import AwsError
from localcloud.iam.guard import Caller
from localcloud.s3.addresses import BY_PATH, S3Address, parse_host
from localcloud.s3.request_body.streams import RequestBody
from localcloud.wsgi import headers_of

SIGNATURE_QUERY = frozenset(
    {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
        "X-Amz-User-Agent",
        "AWSAccessKeyId",
        "Signature",
        "Expires",
    }
)
"""Query parameters that belong to the signature of a presigned URL."""

MAX_KEY_BYTES = 1024

_ABSOLUTE = re.compile(r"^https?://[^/?]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class S3Request:
    """A request to S3.

    Header names are lower case; `query` values are decoded. `length` is that of the framed
    body, None if the transfer coding gives it. `caller` is set once the request is authorized.
    `address` is what the host names, and `query_string` the query as it was sent.
    """

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    stream: RequestBody
    length: int | None
    request_id: str
    source_ip: str
    caller: Caller | None = None
    address: S3Address = BY_PATH
    query_string: str = ""

    @property
    def level(self) -> str:
        """The kind of resource in the path: `service`, `bucket` or `object`."""
        if not self.bucket:
            return "service"
        return "object" if self.key else "bucket"

    @property
    def path(self) -> str:
        """The resource, as in `/bucket/key`."""
        return f"/{self.bucket}/{self.key}" if self.key else f"/{self.bucket}"

    @property
    def signed_path(self) -> str:
        """The decoded path of the URL, which a signature covers: without a bucket in the host."""
        return f"/{self.key}" if self.address.bucket else self.path

    def location(self, key: str) -> str:
        """Return the URL of an object in the request's bucket."""
        host = self.headers.get("host", "127.0.0.1")
        bucket = "" if self.address.bucket else f"/{self.bucket}"
        return f"http://{host}{bucket}/{quote(key)}"

    @property
    def metadata(self) -> dict[str, str]:
        """The user metadata, without the prefix `x-amz-meta-`."""
        prefix = "x-amz-meta-"
        return {
            name.removeprefix(prefix): value
            for name, value in self.headers.items()
            if name.startswith(prefix)
        }

    def int_parameter(self, name: str, default: int, *, maximum: int | None = None) -> int:
        """Return a query parameter as an integer; raise InvalidArgument if it is none."""
        return parse_int(name, self.query.get(name), default, maximum=maximum)


def parse_request(environ: dict[str, Any], request_id: str) -> S3Request:
    """Parse the request line and headers; the body stays unread."""
    address = parse_host(environ.get("HTTP_HOST", ""))
    path = _path(environ).removeprefix("/")
    bucket, _, key = (address.bucket, "", path) if address.bucket else path.partition("/")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise AwsError(
            "KeyTooLongError",
            "Your key is too long",
            Size=len(key.encode()),
            MaxSizeAllowed=MAX_KEY_BYTES,
        )
    query, hoisted = _parse_query(environ.get("QUERY_STRING", ""))
    headers = {**headers_of(environ), **hoisted}
    length = None
    if not environ.get("wsgi.input_terminated"):
        length = parse_int("Content-Length", headers.get("content-length"), 0)
    return S3Request(
        method=environ["REQUEST_METHOD"],
        bucket=bucket,
        key=key,
        query=query,
        headers=headers,
        stream=RequestBody(environ["wsgi.input"], length),
        length=length,
        request_id=request_id,
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        address=address,
        query_string=environ.get("QUERY_STRING", ""),
    )


def parse_int(name: str, text: str | None, default: int, *, maximum: int | None = None) -> int:
    """Return `text` as an integer from 0, capped at `maximum`.

    Raises:
        AwsError: InvalidArgument if `text` is not a non-negative integer.
    """
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit():
        raise AwsError(
            "InvalidArgument",
            f"Provided {name} not an integer or within integer range",
            ArgumentName=name,
            ArgumentValue=text,
        )
    return int(text) if maximum is None else min(int(text), maximum)


def is_hoisted(name: str) -> bool:
    """Return whether a query parameter is a header that a signer moved into the URL."""
    return name.lower().startswith("x-amz-") or name in ("content-type", "content-md5")


def _parse_query(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the query parameters, and the headers that a signer moved into the URL."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise AwsError("InvalidURI", "Couldn't parse the specified URI.") from error
    query = dict(pairs)
    if len(query) != len(pairs):
        raise AwsError("InvalidArgument", "A query parameter was given more than once.")
    hoisted = {
        name.lower(): value
        for name, value in query.items()
        if name not in SIGNATURE_QUERY and is_hoisted(name)
    }
    return query, hoisted


def _path(environ: Mapping[str, Any]) -> str:
    """Return the decoded path, read from the raw one: servers differ in what they decode."""
    raw = environ.get("REQUEST_URI")
    try:
        if raw is None:
            return str(environ.get("PATH_INFO", "/")).encode("latin-1").decode()
        path = _ABSOLUTE.sub("", raw).partition("?")[0]
        return unquote_to_bytes(path.encode("latin-1")).decode()
    except UnicodeError as error:
        raise AwsError("InvalidURI", "Couldn't parse the specified URI.") from error
