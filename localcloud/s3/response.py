"""Responses of S3, before they are written to WSGI."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from localcloud.errors import AwsError
from localcloud.s3.errors import S3Error
from localcloud.s3.request import S3Request
from localcloud.s3.storage.blobs import ObjectContent
from localcloud.s3.xml_format import Node, xml_document


@dataclass(frozen=True, slots=True)
class S3Response:
    """A status, headers and a body; the body may be the stream of an object."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | ObjectContent = b""


def xml_response(
    root: str,
    children: Iterable[Node],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> S3Response:
    """Return a response with an XML body."""
    return xml_bytes_response(xml_document(root, children), status=status, headers=headers)


def xml_bytes_response(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> S3Response:
    """Return a response with a body that is serialized XML already."""
    return S3Response(status, {"Content-Type": "application/xml", **(headers or {})}, body)


def error_response(failure: AwsError, request_id: str, host_id: str, resource: str) -> S3Response:
    """Return an error in S3's XML format."""
    children: list[Node] = [("Code", failure.code), ("Message", failure.message)]
    children += [(name, str(value)) for name, value in failure.fields.items() if value is not None]
    children += [("Resource", resource), ("RequestId", request_id), ("HostId", host_id)]
    headers = failure.headers if isinstance(failure, S3Error) else {}
    body = xml_document("Error", children, namespace="")
    return xml_bytes_response(body, status=failure.status, headers=headers)


Operation = Callable[[S3Request], S3Response]
