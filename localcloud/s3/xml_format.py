"""Write and read the XML documents of S3's API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree

from localcloud.s3.errors import malformed_xml

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

Node: TypeAlias = "tuple[str, str | int | Sequence[Node]]"
"""An element: its name, and either its text or its children."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_SPECIAL = re.compile('[&<>"\x00-\x1f\x7f\ufffe\uffff]')
_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def xml_document(root: str, children: Iterable[Node], *, namespace: str = NAMESPACE) -> bytes:
    """Return an XML document with declaration and namespace, in UTF-8."""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    inner = "".join(_element(child) for child in children)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{attribute}>{inner}</{root}>'
    return text.encode()


def xml_text_document(root: str, text: str) -> bytes:
    """Return an XML document whose root element holds only text."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">'
        f"{escape(text)}</{root}>"
    ).encode()


def escape(text: str) -> str:
    """Return `text` escaped for an element; control characters become references."""
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0]) or f"&#x{ord(found[0]):x};", text)


def parse_xml(body: bytes, root: str) -> ElementTree.Element:
    """Parse a body and return its root element without namespaces.

    Raises:
        AwsError: MalformedXML for invalid XML, a document type, or another root element.
    """
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
    """Return the text of a child element unchanged, or None if there is no such child."""
    child = element.find(name)
    return None if child is None else child.text or ""


def to_node(element: ElementTree.Element) -> Node:
    """Return a parsed element as a node, to be written into another document."""
    if len(element):
        return element.tag, [to_node(child) for child in element]
    return element.tag, element.text or ""


def timestamp(seconds: int) -> str:
    """Return a time in seconds since 1970 as an XML body writes it (ISO 8601)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def http_date(seconds: int) -> str:
    """Return a time in seconds since 1970 as a header writes it (RFC 7231)."""
    return formatdate(seconds, usegmt=True)


def quote_etag(etag: str) -> str:
    """Return an ETag in double quotes."""
    return f'"{etag}"'


def encode_listed_key(text: str, encoding_type: str | None) -> str:
    """Return a key for a listing: percent-encoded if `encoding_type` is `url`."""
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
