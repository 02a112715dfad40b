"""Chunked response bodies, as an execution environment sends them to the Runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from io import BufferedIOBase
from typing import Any

MAX_STREAMED_RESPONSE = 200 * 1024 * 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html"""

_ERROR_TYPE = "lambda-runtime-function-error-type"
_ERROR_BODY = "lambda-runtime-function-error-body"
_MAX_LINE = 64 * 1024


class IncompleteResponseError(Exception):
    """Raised when a response ends before its last chunk, or is not chunked."""


def read_chunks(file: BufferedIOBase, on_chunk: Callable[[bytes], None]) -> Mapping[str, str]:
    """Pass each chunk of a chunked body to `on_chunk` as it comes; return the trailers.

    Raises:
        IncompleteResponseError: The body ends before its last chunk, or is not chunked.
    """
    while size := _read_chunk_size(file):
        chunk = file.read(size)
        if len(chunk) < size or file.read(2) != b"\r\n":
            raise IncompleteResponseError
        on_chunk(chunk)
    trailers: dict[str, str] = {}
    while (line := file.readline(_MAX_LINE).strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        trailers[name.strip().lower()] = value.strip()
    return trailers


def _read_chunk_size(file: BufferedIOBase) -> int:
    line = file.readline(_MAX_LINE)
    try:
        return int(line.split(b";")[0].strip(), 16)
    except ValueError as error:
        raise IncompleteResponseError from error


def error_in_trailers(trailers: Mapping[str, str]) -> bytes | None:
    """Return the error document in `trailers`, or None if there is no error."""
    error_type = trailers.get(_ERROR_TYPE)
    if error_type is None:
        return None
    try:
        document: Any = json.loads(base64.b64decode(trailers.get(_ERROR_BODY, ""), validate=True))
    except (binascii.Error, ValueError):
        document = {}
    members = document if isinstance(document, dict) else {}
    return json.dumps({"errorType": error_type, "errorMessage": "", **members}).encode()
