"""XML of untrusted files: no entities, no network, no deep trees.

An office file does not need a document type, in which entities are declared: a part that has one is
refused before it is parsed. https://owasp.org/www-community/vulnerabilities/ describes the attacks
("XML External Entity Processing", "billion laughs").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput, Unsupported

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_TAGS = 4_000_000
"""The most elements of a tree; each takes a hundred bytes and more, however short its tag."""

_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_KEPT = 16
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})["']""")
_ENCODINGS = frozenset({b"utf-8", b"utf8", b"utf-16", b"us-ascii", b"ascii", b"iso-8859-1"})
"""In these encodings a `<` is recognised without decoding, once zero bytes are left out."""
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_UNSAFE = (
    "The file is not safe to read: its part {name!r} declares entities or is in an encoding that"
    " office files do not use."
)


def checked_xml(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yield the pieces of an XML part as they arrive.

    Raises `InvalidInput` if it declares a document type or entities, or is in an encoding that
    could hide that.
    """
    seam = b""
    first = True
    for piece in pieces:
        plain = piece.replace(b"\0", b"")
        if first and plain:
            _check_beginning(plain, name)
            first = False
        if _DECLARES.search(seam + plain):
            raise InvalidInput(_UNSAFE.format(name=name), field="file")
        seam = (seam + plain)[-_KEPT:]
        yield piece


def parse_xml(data: bytes, name: str) -> _Element:
    """Return the root of an XML part.

    Raises:
        InvalidInput: it declares entities, or is not well formed.
    """
    from lxml import etree

    data = b"".join(checked_xml([data], name))
    check_tags(data.count(b"<"))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _damaged(name) from error


def check_tags(count: int) -> None:
    """Raise `Unsupported` if XML has more tags than a tree in memory may have elements."""
    if count > MAX_TAGS:
        raise Unsupported(
            f"The file is too large to be read: its text has more than {MAX_TAGS:,} marks."
            " Split it into several files.",
            field="file",
            limit=str(MAX_TAGS),
        )


def ended_elements(pieces: Iterable[bytes], name: str) -> Iterator[_Element]:
    """Yield the elements of an XML part as they end, without waiting for the whole part.

    The caller passes each element that it is done with to `forget`, or the part accumulates in
    memory.

    Raises as `parse_xml` does.
    """
    from lxml import etree

    parser = etree.XMLPullParser(
        events=("end",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for piece in checked_xml(pieces, name):
            parser.feed(piece)
            for _, element in parser.read_events():
                yield element
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _damaged(name) from error


def forget(element: _Element) -> None:
    """Free the content of an element, and its preceding siblings."""
    element.clear(keep_tail=True)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def local_name(element: _Element) -> str:
    """Return the name of an element without its namespace; "" for other nodes."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _check_beginning(data: bytes, name: str) -> None:
    for mark in _MARKS:
        data = data.removeprefix(mark)
    declared = _ENCODING.match(data)
    known = declared is None or declared.group(1).lower() in _ENCODINGS
    if not known or not data.lstrip().startswith(b"<"):
        raise InvalidInput(_UNSAFE.format(name=name), field="file")


def _damaged(name: str) -> InvalidInput:
    return InvalidInput(f"The file is damaged: its part {name!r} cannot be read.", field="file")
