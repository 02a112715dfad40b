"""Requests to webhooks' receivers: bounded in time and size, never redirected, and only to
public addresses unless the stage says otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http.client import HTTPException

from chalicelib.adapters.checked_http import (
    CheckedHttp,
    Resolve,
    resolve,
    seconds_until,
    with_host,
)
from chalicelib.contracts.addresses import parse_target
from chalicelib.errors import InvalidInput
from chalicelib.webhooks.subscriptions import ReceiverResponse

ATTEMPT_SECONDS = 10.0
"""The time limit of a whole attempt: the name's look-up, TLS, the request and its response."""
MAX_ANSWER_BYTES = 1_024


class WebhookSender:
    """Sends requests to receivers."""

    def __init__(
        self,
        *,
        private_allowed: bool,
        resolve: Resolve = resolve,
        monotonic: Callable[[], float] = time.monotonic,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self._http = CheckedHttp(private_allowed, resolve)
        self._monotonic = monotonic
        self._attempt_seconds = attempt_seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> ReceiverResponse:
        """Return the status that the receiver answered with, or why none came."""
        left = seconds_until(self._monotonic() + self._attempt_seconds, self._monotonic)
        try:
            target = parse_target(url, private_allowed=self._http.private_allowed)
            with self._http.connect(target, left) as connection:
                connection.request("POST", target.resource, body, with_host(headers, target))
                answer = connection.getresponse()
                text = answer.read(MAX_ANSWER_BYTES)
        except InvalidInput as error:
            return ReceiverResponse(None, error.message)
        except TimeoutError:
            return ReceiverResponse(
                None, f"TimeoutError: no response within {self._attempt_seconds:g} seconds."
            )
        except (HTTPException, OSError, UnicodeError, ValueError) as error:
            return ReceiverResponse(None, f"{type(error).__name__}: {error}"[:500])
        if 200 <= answer.status < 300:
            return ReceiverResponse(answer.status)
        return ReceiverResponse(answer.status, text.decode(errors="replace")[:500])
