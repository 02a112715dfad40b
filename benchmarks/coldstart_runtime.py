"""Emulated Runtime API that serves one event, reads the whole answer and hangs up."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from localcloud.lambdas.runtime_api import InvocationResponse, RuntimeApi, RuntimeInvocation

PATIENCE_S = 100.0
_SPLIT = b"\0" * 8


class OneInvocation:
    """The Runtime API of one sandbox that is invoked once."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        """Queue `event` for the function."""
        self._api = RuntimeApi()
        self.address = self._api.address
        self._api.post(
            RuntimeInvocation(
                request_id="00000000-0000-0000-0000-000000000000",
                function_arn="arn:aws:lambda:us-east-1:000000000000:function:bench",
                payload=json.dumps(event).encode(),
                deadline_ms=int((time.time() + PATIENCE_S) * 1000),
                trace_id="Root=1-00000000-000000000000000000000000",
            )
        )

    def answer(self) -> bytes:
        """Return the whole answer and hang up. Raises RuntimeError for an error."""
        try:
            while True:
                signal = self._api.signals.get(timeout=PATIENCE_S)
                if isinstance(signal, InvocationResponse):
                    if signal.is_error:
                        raise RuntimeError(f"the stream failed: {signal.payload!r}")
                    return signal.payload
        finally:
            self._api.close()


def demand_stream(payload: bytes) -> None:
    """Raise RuntimeError unless `payload` is an HTTP answer with status 200 and a body."""
    head, _, body = payload.partition(_SPLIT)
    status = json.loads(head)["statusCode"]
    if status != 200 or not body:
        raise RuntimeError(f"the stream answered {status}: {body!r}")
