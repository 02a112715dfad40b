"""Requests and tokens in a sliding minute, as Bedrock limits them for each model.

When a request begins it is charged its input and the most that it may answer, and when it ends
what it used. https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.service import Params

MINUTE_S = 60.0
DEFAULT_MAX_TOKENS = 512
_CHARACTERS_PER_TOKEN = 4
_MAX_TOKENS_NAMES = ("maxTokens", "max_tokens", "max_new_tokens", "max_gen_len")


@dataclass(slots=True)
class QuotaCharge:
    """The tokens that one call counts from `at` on: an estimate until the call has ended."""

    at: float
    tokens: int


@dataclass(slots=True)
class QuotaWindow:
    """The charges of the last minute for one model. `monotonic` returns seconds."""

    monotonic: Callable[[], float]
    charges: deque[QuotaCharge] = field(default_factory=deque)

    def charge(
        self, max_requests: int | None, max_tokens: int | None, tokens: int
    ) -> QuotaCharge | None:
        """Charge a call with its estimated tokens; None if that exceeds a minute's quota."""
        now = self.monotonic()
        while self.charges and self.charges[0].at <= now - MINUTE_S:
            self.charges.popleft()
        if max_requests is not None and len(self.charges) >= max_requests:
            return None
        charged = sum(charge.tokens for charge in self.charges)
        if max_tokens is not None and charged + tokens > max_tokens:
            return None
        charge = QuotaCharge(now, tokens)
        self.charges.append(charge)
        return charge


def estimate_tokens(params: Params) -> int:
    """Return the tokens that Bedrock reserves for a call: its input and its maximum output.

    A call without an answer in words, such as one for embeddings, is its input alone.
    """
    body = params.get("body")
    request: Any = params
    if isinstance(body, bytes):
        try:
            request = json.loads(body)
        except ValueError:
            request = {}
    request = request if isinstance(request, Mapping) else {}
    config = request.get("inferenceConfig")
    places = [request, config if isinstance(config, Mapping) else {}]
    has_output = "messages" in request or "prompt" in request
    max_output = next(
        (
            place[name]
            for place in places
            for name in _MAX_TOKENS_NAMES
            if isinstance(place.get(name), int)
        ),
        DEFAULT_MAX_TOKENS if has_output else 0,
    )
    not_input = ("modelId", "inferenceConfig", "EndpointName")
    texts = {name: value for name, value in request.items() if name not in not_input}
    return len(json.dumps(texts, default=str)) // _CHARACTERS_PER_TOKEN + int(max_output)
