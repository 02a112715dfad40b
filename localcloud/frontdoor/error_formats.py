"""Errors in the format of the protocol that a request speaks, also of services not served here.

https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from localcloud.errors import AwsError
from localcloud.frontdoor.request import FrontDoorRequest
from localcloud.wire import responses
from localcloud.wire.responses import WireResponse

_REST_XML = frozenset({"cloudfront", "route53"})
_QUERY = frozenset({"iam", "sns", "sts"})


def error_response(
    signing_name: str, request: FrontDoorRequest, error: AwsError, request_id: str
) -> WireResponse:
    """Serialize `error` so that the client that sent `request` can read it."""
    headers = request.headers
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _cbor_error(error, request_id)
    if signing_name == "s3":
        return _xml(error, request_id, f"<Error>{_members(error)}{_request_id(request_id)}</Error>")
    is_json = "x-amz-target" in headers or "json" in headers["content-type"]
    is_form = headers["content-type"].startswith("application/x-www-form-urlencoded")
    if signing_name == "ec2":
        inner = f"<Errors><Error>{_members(error)}</Error></Errors>"
        text = f"<Response>{inner}<RequestID>{request_id}</RequestID></Response>"
        return _xml(error, request_id, text)
    if signing_name in _REST_XML | _QUERY or (is_form and not is_json):
        return responses.query_error_response(error, request_id)
    return responses.error_response(None, error, request_id)


def _members(error: AwsError) -> str:
    fields = {"Code": error.code, "Message": error.message, **error.fields}
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())


def _request_id(request_id: str) -> str:
    return f"<RequestId>{request_id}</RequestId>"


def _xml(error: AwsError, request_id: str, body: str) -> WireResponse:
    headers = {"Content-Type": "application/xml", "x-amzn-requestid": request_id}
    return WireResponse(error.status, headers, body.encode())


def _cbor_error(error: AwsError, request_id: str) -> WireResponse:
    """Serialize an error as a map of CBOR.

    https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
    """
    members = {"__type": error.code, "message": error.message}
    body = bytes([0xA0 | len(members)]) + b"".join(
        _cbor_text(name) + _cbor_text(value) for name, value in members.items()
    )
    headers = {
        "Content-Type": "application/cbor",
        "smithy-protocol": "rpc-v2-cbor",
        "x-amzn-requestid": request_id,
    }
    return WireResponse(error.status, headers, body)


def _cbor_text(text: str) -> bytes:
    """Encode a text string with a length of four bytes (RFC 8949, section 3.1)."""
    raw = text.encode()
    return b"\x7a" + len(raw).to_bytes(4, "big") + raw
