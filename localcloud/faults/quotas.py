"""Requests and tokens a minute, a sliding minute, as Bedrock limits them for each model.

At its begin a request is counted with its input and the most that it may answer; at its end with
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
_CHARACTERS_A_TOKEN = 4
_MAXIMA = ("maxTokens", "max_tokens", "max_new_tokens", "max_gen_len")


@dataclass(slots=True)
class Charge:
    """What one call counts for, from `at` on: an estimate until it is settled."""

    at: float
    tokens: int


@dataclass(slots=True)
class Window:
    """The calls of the last minute to one model. `now` gives seconds from any start."""

    now: Callable[[], float]
    charges: deque[Charge] = field(default_factory=deque)

    def take(self, requests: int | None, tokens: int | None, estimate: int) -> Charge | None:
        """Count a call in, or return None if it is over what a minute allows."""
        now = self.now()
        while self.charges and self.charges[0].at <= now - MINUTE_S:
            self.charges.popleft()
        if requests is not None and len(self.charges) >= requests:
            return None
        if tokens is not None and sum(c.tokens for c in self.charges) + estimate > tokens:
            return None
        charge = Charge(now, estimate)
        self.charges.append(charge)
        return charge


def estimate(params: Params) -> int:
    """Return what Bedrock sets aside for a call: its input, and the most that it may answer.

    A call that asks for no answer in words, such as one for vectors, is its input alone.
    """
    body = params.get("body")
    asked: Any = params
    if isinstance(body, bytes):
        try:
            asked = json.loads(body)
        except ValueError:
            asked = {}
    asked = asked if isinstance(asked, Mapping) else {}
    config = asked.get("inferenceConfig")
    places = [asked, config if isinstance(config, Mapping) else {}]
    answers = "messages" in asked or "prompt" in asked
    most = next(
        (place[name] for place in places for name in _MAXIMA if isinstance(place.get(name), int)),
        DEFAULT_MAX_TOKENS if answers else 0,
    )
    named = ("modelId", "inferenceConfig", "EndpointName")
    texts = {name: value for name, value in asked.items() if name not in named}
    return len(json.dumps(texts, default=str)) // _CHARACTERS_A_TOKEN + int(most)
