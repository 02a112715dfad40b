"""Compression of whole responses, as the client's Accept-Encoding header asks for it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import replace

from localcloud.apigateway.proxy_response import HttpResponse

_CODERS = {"gzip": lambda body: gzip.compress(body, 6, mtime=0), "deflate": zlib.compress}
_CODING = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")
_WITHOUT_BODY = frozenset({204, 304})


def compressed(
    response: HttpResponse, accept_encoding: str | None, min_bytes: int | None
) -> HttpResponse:
    """Return `response` with its body in the coding that the client prefers.

    It stays as it is where the API has no `min_bytes`, the body is smaller, the function has coded
    it, or the preferred coding is neither gzip nor deflate. A streamed response is never
    compressed: API Gateway would have to wait for its end.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
    """
    coding = preferred_coding(accept_encoding or "")
    has_coding = any(name.lower() == "content-encoding" for name, _ in response.headers)
    if min_bytes is None or coding not in _CODERS or has_coding:
        return response
    if len(response.body) < max(1, min_bytes) or response.status in _WITHOUT_BODY:
        return response
    headers = (*response.headers, ("Content-Encoding", coding))
    return replace(response, headers=headers, body=_CODERS[coding](response.body))


def preferred_coding(accept_encoding: str) -> str:
    """Return the coding with the highest weight, the first of several; "" if none is named.

    https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
    """
    best, weight = "", 0.0
    for each in accept_encoding.split(","):
        named = _CODING.fullmatch(each)
        if named and float(named[2] or 1) > weight:
            best, weight = named[1].lower(), float(named[2] or 1)
    return best
