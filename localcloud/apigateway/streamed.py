"""What API Gateway makes of a function's streamed answer.

A stream begins with a JSON document of status and headers, then eight zero bytes, then the body.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.apigateway.response import MalformedAnswer, headers_of, status_of

DELIMITER = b"\0" * 8
MAX_PRELUDE = 16 * 1024
"""AWS looks for the delimiter within the first 16 KB."""
_KNOWN = frozenset({"statusCode", "headers", "multiValueHeaders", "cookies"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A streamed answer whose status and headers have come; `body` is what follows."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Iterator[bytes]


def opened(chunks: Iterable[bytes]) -> Opened:
    """Read the beginning of a stream; raises MalformedAnswer where it is none."""
    pieces = iter(chunks)
    begun = b""
    while DELIMITER not in begun:
        piece = next(pieces, None)
        if piece is None or len(begun) > MAX_PRELUDE:
            raise MalformedAnswer("the stream has no beginning")
        begun += piece
    prelude, _, rest = begun.partition(DELIMITER)
    document = _document(prelude)
    cookies = [("Set-Cookie", str(cookie)) for cookie in document.get("cookies") or ()]
    headers = (*headers_of(document), *cookies)
    return Opened(status_of(document), headers, _body(rest, pieces))


def _body(rest: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if rest:
        yield rest
    yield from pieces


def _document(prelude: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(prelude)
    except ValueError as error:
        raise MalformedAnswer("the beginning of the stream is not JSON") from error
    if not isinstance(document, dict) or set(document) - _KNOWN:
        raise MalformedAnswer("the beginning of the stream is no status and headers")
    return document
