"""Streamed invocations: a function's chunks on their way to whoever invoked it.

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
from localcloud.lambdas.outcome import Outcome

Sink = Callable[[bytes], None]
_log = logging.getLogger(__name__)


def streamed(run: Callable[[Sink], Outcome], name: str) -> Iterator[bytes | Outcome]:
    """Run an invocation and yield its chunks as they come, and how it ended, last.

    A function that answers in one piece yields that piece. What the invocation raises is raised
    here. A consumer that goes away leaves the function running, as on AWS.
    """
    pieces: queue.SimpleQueue[bytes | Outcome | AwsError] = queue.SimpleQueue()

    def call() -> None:
        try:
            pieces.put(run(pieces.put))
        except AwsError as error:
            pieces.put(error)
        except Exception:  # noqa: BLE001 - a caller waits for the end, whatever went wrong
            _log.exception("%s could not be invoked", name)
            pieces.put(AwsError("ServiceException", "The local cloud failed.", 500))

    threading.Thread(target=call, name=f"lambda-stream-{name}", daemon=True).start()
    came = False
    while not isinstance(piece := pieces.get(), Outcome):
        if isinstance(piece, AwsError):
            raise piece
        came = True
        yield piece
    if not came and piece.error_type is None and piece.payload:
        yield piece.payload
    yield piece


def as_events(pieces: Iterator[bytes | Outcome], log_tail: bool) -> Iterator[dict[str, Any]]:
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
