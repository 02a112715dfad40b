"""A request at the front door: its service, its operation and its parameters, from WSGI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from localcloud.errors import AwsError
from localcloud.iam.request_signature import RequestSignature, SignedRequest
from localcloud.s3.addresses import BY_PATH, parse_host
from localcloud.service import Params, Service
from localcloud.wire import constraints
from localcloud.wire.query_protocol import FORM, decode_form, read_form
from localcloud.wire.requests import decode, parse_json, parse_rest
from localcloud.wire.service_models import OperationMatch, match_rest, match_target, service_model
from localcloud.wsgi import Environ, headers_of, read_body

MAX_BODY = 32 * 1024 * 1024
"""The largest body in bytes of every API but S3, which streams."""

_SESSION_TOKEN = "x-amz-security-token"  # noqa: S105 - a header's name
_TARGET = "x-amz-target"
_API_PATHS = ("/v1", "/mcp", "/.well-known")
_ABSOLUTE = re.compile(r"^https?://[^/?]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FrontDoorRequest:
    """A request line with headers by lower-case name; `path` is still percent-encoded."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    environ: Environ

    @classmethod
    def from_environ(cls, environ: Environ) -> FrontDoorRequest:
        """Read a WSGI environ; the body stays unread."""
        headers = {"content-type": "", **headers_of(environ)}
        target = str(environ.get("REQUEST_URI") or environ.get("PATH_INFO", "/"))
        path, _, query = _ABSOLUTE.sub("", target).partition("?")
        return cls(environ["REQUEST_METHOD"], path, query, headers, environ)

    @property
    def query(self) -> dict[str, list[str]]:
        """The decoded query parameters."""
        return parse_qs(self.query_string, keep_blank_values=True)

    @property
    def claims_signature(self) -> bool:
        """Whether the Authorization header says that it is an AWS signature, even a broken one."""
        return self.headers.get("authorization", "").startswith("AWS4-")

    def signature(self) -> RequestSignature | None:
        """Return the signature in the Authorization header, None if there is no complete one."""
        return RequestSignature.from_header(self.headers.get("authorization", ""))

    def signed(self, body: bytes | None) -> SignedRequest:
        """Return the parts that a signature covers; `body` is None if S3 reads it later."""
        return SignedRequest(self.method, self.path, self.query_string, self.headers, body)

    @property
    def session_token(self) -> str | None:
        """The session token of temporary credentials, None if there is none."""
        return self.headers.get(_SESSION_TOKEN)

    @property
    def presigned_service(self) -> str | None:
        """The service that a signature in the query is for, None if the query has none."""
        return presigned_service(self.query_string)

    @property
    def is_api(self) -> bool:
        """Whether the path is one of the API, which has its own keys."""
        return any(self.path == each or self.path.startswith(f"{each}/") for each in _API_PATHS)

    @property
    def is_for_bucket(self) -> bool:
        """Whether the host names S3 or a bucket, or this is a form posted to a bucket's path.

        A browser's preflight for such a form counts, too.
        """
        if parse_host(self.headers.get("host", "")) != BY_PATH:
            return True
        if self.is_api or self.path.strip("/") == "":
            return False
        form = self.headers["content-type"].startswith("multipart/form-data")
        return (self.method == "POST" and form) or self.method == "OPTIONS"

    def read_body(self) -> bytes:
        """Read the whole body. Raises AwsError if it is too large or incomplete."""
        try:
            body = read_body(self.environ, MAX_BODY)
        except ValueError as error:
            raise AwsError("IncompleteBody", str(error)) from error
        if body is None:
            raise AwsError(
                "RequestEntityTooLargeException",
                f"The body is larger than the {MAX_BODY} bytes that are taken.",
                413,
            )
        return body

    def speaks_query(self, service: str) -> bool:
        """Return whether this is a form of the query protocol, and `service` takes those."""
        is_form = self.headers["content-type"].partition(";")[0].strip().lower() == FORM
        compatible = "awsQueryCompatible" in service_model(service).metadata
        return compatible and is_form and _TARGET not in self.headers and self.method == "POST"

    def match(self, service: Service, body: bytes = b"") -> OperationMatch | None:
        """Return the operation of `service` that the request names, or None."""
        if self.speaks_query(service.name):
            model, action = service_model(service.name), read_form(body).get("Action", "")
            if action not in model.operation_names:
                raise AwsError("InvalidAction", f"{service.name} has no operation {action!r}.")
            return OperationMatch(model.operation_model(action), {})
        if "targetPrefix" in service_model(service.name).metadata:
            return match_target(service.name, self.headers.get(_TARGET, ""))
        return match_rest(service.name, self.method, self.path, self.query)

    def params(self, match: OperationMatch, body: bytes) -> Params:
        """Read the parameters of the matched operation, checked against its model."""
        operation = match.operation
        if self.speaks_query(operation.service_model.service_name):
            params = decode_form(operation, read_form(body))
        elif operation.service_model.resolved_protocol == "json":
            shape = operation.input_shape
            params = decode(shape, parse_json(body)) if shape is not None else {}
        else:
            params = parse_rest(operation, match.labels, self.query, self.headers, body)
        constraints.check(
            operation.input_shape, params, constraints.rules_of(operation.service_model)
        )
        return params


def presigned_service(query_string: str) -> str | None:
    """Return the service that a signature in a query is for, None if it has none.

    A signature of version 2, which boto3 presigns with and only S3 takes, names no service.
    """
    query = parse_qs(query_string, keep_blank_values=True)
    if "X-Amz-Credential" in query:
        parts = query["X-Amz-Credential"][0].split("/")
        return parts[3] if len(parts) == 5 else ""
    return "s3" if {"X-Amz-Signature", "AWSAccessKeyId"} & query.keys() else None
