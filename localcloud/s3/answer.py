"""What S3 answers, before WSGI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from localcloud.errors import AwsError
from localcloud.s3.blobs import Content
from localcloud.s3.markup import Node, document
from localcloud.s3.request import S3Error


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and a body, which may be a stream."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Content = b""


def xml(
    root: str,
    children: Iterable[Node],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return an answer with an XML body."""
    return xml_bytes(document(root, children), status=status, headers=headers)


def xml_bytes(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return an answer with a body that is XML already."""
    return Answer(status, {"Content-Type": "application/xml", **(headers or {})}, body)


def error(failure: AwsError, request_id: str, host_id: str, resource: str) -> Answer:
    """Return an error as S3 words it."""
    children: list[Node] = [("Code", failure.code), ("Message", failure.message)]
    children += [(name, str(value)) for name, value in failure.fields.items() if value is not None]
    children += [("Resource", resource), ("RequestId", request_id), ("HostId", host_id)]
    headers = failure.headers if isinstance(failure, S3Error) else {}
    body = document("Error", children, namespace="")
    return xml_bytes(body, status=failure.status, headers=headers)
