"""XML as S3 writes and reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree

from localcloud.errors import AwsError

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

Node: TypeAlias = "tuple[str, str | int | Sequence[Node]]"
"""An element's name and its text, or its children."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_SPECIAL = re.compile('[&<>"\x00-\x1f\x7f\ufffe\uffff]')
_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def document(root: str, children: Iterable[Node], *, namespace: str = NAMESPACE) -> bytes:
    """Return a whole XML document."""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    inner = "".join(_element(child) for child in children)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{attribute}>{inner}</{root}>'
    return text.encode()


def text_document(root: str, text: str) -> bytes:
    """Return a document whose root holds only text."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">'
        f"{escape(text)}</{root}>"
    ).encode()


def escape(text: str) -> str:
    """Return `text` for the inside of an element; control characters become references."""
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0]) or f"&#x{ord(found[0]):x};", text)


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Return the root element, without namespaces; anything else is MalformedXML."""
    if _DOCTYPE.search(body):
        raise malformed_xml()
    try:
        element = ElementTree.fromstring(body)  # noqa: S314 - no document type, so no entities
    except ElementTree.ParseError as error:
        raise malformed_xml() from error
    for each in element.iter():
        each.tag = each.tag.rpartition("}")[2]
    if element.tag != root:
        raise malformed_xml()
    return element


def child_text(element: ElementTree.Element, name: str) -> str | None:
    """Return the text of a child, stripped of nothing; None where there is no such child."""
    child = element.find(name)
    return None if child is None else child.text or ""


def as_node(element: ElementTree.Element) -> Node:
    """Return a parsed element for another document."""
    if len(element):
        return element.tag, [as_node(child) for child in element]
    return element.tag, element.text or ""


def malformed_xml() -> AwsError:
    """Return S3's error for a body that does not have the expected form."""
    return AwsError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def unsupported_element(name: str) -> AwsError:
    """Return the refusal of an element that AWS knows and the local cloud does not."""
    return AwsError(
        "NotImplemented", f"The element {name} is not implemented.", 501, ResourceType=name
    )


def timestamp(seconds: int) -> str:
    """Return a time for an XML body."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def http_date(seconds: int) -> str:
    """Return a time for a header."""
    return formatdate(seconds, usegmt=True)


def quoted(etag: str) -> str:
    """Return an ETag with its quotes."""
    return f'"{etag}"'


def url_encoded(text: str, encoding_type: str | None) -> str:
    """Return `text` as a listing shows it under `encoding-type=url` or without."""
    return quote(text, safe="/~") if encoding_type == "url" else text


def _element(node: Node) -> str:
    name, content = node
    if isinstance(content, str):
        inner = escape(content)
    elif isinstance(content, int):
        inner = str(content)
    else:
        inner = "".join(_element(child) for child in content)
    return f"<{name}>{inner}</{name}>"
