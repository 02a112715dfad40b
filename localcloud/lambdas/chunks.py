"""A response in chunks, as a worker writes it to the Runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from io import BufferedIOBase
from typing import Any

MAX_STREAMED = 200 * 1024 * 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html"""
ERROR_TYPE = "lambda-runtime-function-error-type"
ERROR_BODY = "lambda-runtime-function-error-body"

_MAX_LINE = 64 * 1024


class BrokenStream(Exception):  # noqa: N818 - named for what it tells
    """The worker stopped in the middle of its response."""


def read_chunks(file: BufferedIOBase, take: Callable[[bytes], None]) -> Mapping[str, str]:
    """Hand each chunk of a chunked body to `take` as it comes; return the trailers.

    Raises:
        BrokenStream: it ends before its end, or is no chunked body.
    """
    while size := _size(file):
        chunk = file.read(size)
        if len(chunk) < size or file.read(2) != b"\r\n":
            raise BrokenStream
        take(chunk)
    trailers: dict[str, str] = {}
    while (line := file.readline(_MAX_LINE).strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        trailers[name.strip().lower()] = value.strip()
    return trailers


def _size(file: BufferedIOBase) -> int:
    line = file.readline(_MAX_LINE)
    try:
        return int(line.split(b";")[0].strip(), 16)
    except ValueError as error:
        raise BrokenStream from error


def error_in(trailers: Mapping[str, str]) -> bytes | None:
    """Return the error document that `trailers` tell of, or None where there is no error."""
    kind = trailers.get(ERROR_TYPE)
    if kind is None:
        return None
    try:
        document: Any = json.loads(base64.b64decode(trailers.get(ERROR_BODY, ""), validate=True))
    except (binascii.Error, ValueError):
        document = {}
    told = document if isinstance(document, dict) else {}
    return json.dumps({"errorType": kind, "errorMessage": "", **told}).encode()
