"""Parsing of multipart forms, by which clients send files.

https://www.rfc-editor.org/rfc/rfc7578
https://www.rfc-editor.org/rfc/rfc2046#section-5.1
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from chalicelib.errors import InvalidInput

MAX_PARTS = 32
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_PARAMETER = re.compile(
    r';\s*(name|filename)(\*?)="?((?<=")(?:\\.|[^"\\])*|[^;"]*)"?', re.IGNORECASE
)
_ESCAPED = {'\\"': '"', "\\\\": "\\", "%22": '"', "%0D": "\r", "%0A": "\n"}
"""Escapes in names: curl writes a backslash, browsers percent-encode.

https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
"""
_ESCAPE = re.compile("|".join(map(re.escape, _ESCAPED)))
_CRLF = b"\r\n"
_MIN_PIECES = 3


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field of a form; `filename` is "" if it is not a file."""

    content: bytes
    filename: str = ""


def parse_form(content_type: str, body: bytes) -> Mapping[str, FormPart]:
    """Return the fields of a form by name; of two with one name, the last.

    Raises:
        InvalidInput: The body is not a complete form.
    """
    return dict(form_fields(content_type, body))


def form_fields(content_type: str, body: bytes) -> list[tuple[str, FormPart]]:
    """Return the fields of a form in order, each with its name.

    Raises:
        InvalidInput: The body is not a complete form.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _malformed("its Content-Type names no boundary")
    delimiter = _CRLF + b"--" + (found[1] or found[2]).encode()
    pieces = (_CRLF + body).split(delimiter)
    if len(pieces) < _MIN_PIECES or not pieces[-1].startswith(b"--"):
        raise _malformed("it has no end")
    if len(pieces) > MAX_PARTS + 2:
        raise InvalidInput(
            f"A form has {MAX_PARTS} fields at most.", field="body", limit=str(MAX_PARTS)
        )
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> tuple[str, FormPart]:
    line, _, rest = piece.partition(_CRLF)
    head, blank, content = rest.partition(_CRLF * 2)
    if line.strip(b" \t") or not blank:
        raise _malformed("a field of it has no head")
    for header in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = header.partition(":")
        if name.strip().lower() == "content-disposition":
            parameters = dict(_parameters(value))
            if "name" in parameters:
                return parameters["name"], FormPart(content, parameters.get("filename", ""))
    raise _malformed("a field of it has no name")


def _parameters(value: str) -> Iterator[tuple[str, str]]:
    for name, encoded, given in _PARAMETER.findall(value):
        if encoded:
            yield name.lower(), unquote(given.rpartition("'")[2])
        else:
            yield name.lower(), _ESCAPE.sub(lambda found: _ESCAPED[found[0]], given)


def _malformed(reason: str) -> InvalidInput:
    return InvalidInput(f"The body is no multipart form: {reason}.", field="body")
