"""Streamed invocations: a function's chunks are passed on to the caller as they come.

https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
"""

from __future__ import annotations

import base64
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from localcloud.errors import AwsError
from localcloud.lambdas.outcome import InvocationOutcome

Sink = Callable[[bytes], None]
_log = logging.getLogger(__name__)


def stream_invocation(
    run: Callable[[Sink], InvocationOutcome], name: str
) -> Iterator[bytes | InvocationOutcome]:
    """Run an invocation and yield its chunks as they come, and its outcome last.

    A function that responds in one piece yields that piece. Errors of the invocation are raised
    here. If the caller stops reading, the function runs on, as on AWS.
    """
    pieces: queue.SimpleQueue[bytes | InvocationOutcome | AwsError] = queue.SimpleQueue()

    def call() -> None:
        try:
            pieces.put(run(pieces.put))
        except AwsError as error:
            pieces.put(error)
        except Exception:  # noqa: BLE001 - a caller waits for the end, whatever went wrong
            _log.exception("%s could not be invoked", name)
            pieces.put(AwsError("ServiceException", "The local cloud failed.", 500))

    threading.Thread(target=call, name=f"lambda-stream-{name}", daemon=True).start()
    has_chunks = False
    while not isinstance(piece := pieces.get(), InvocationOutcome):
        if isinstance(piece, AwsError):
            raise piece
        has_chunks = True
        yield piece
    if not has_chunks and piece.error_type is None and piece.payload:
        yield piece.payload
    yield piece


def response_events(
    pieces: Iterator[bytes | InvocationOutcome], log_tail: bool
) -> Iterator[dict[str, Any]]:
    """Yield the event stream of InvokeWithResponseStream."""
    for piece in pieces:
        if isinstance(piece, bytes):
            yield {"PayloadChunk": {"Payload": piece}}
            continue
        complete: dict[str, Any] = {}
        if piece.error_type is not None:
            complete = {"ErrorCode": "Unhandled", "ErrorDetails": piece.payload.decode()}
        if log_tail:
            complete["LogResult"] = base64.b64encode(piece.log_tail).decode()
        yield {"InvokeComplete": complete}
