"""How long an answer of the API may take, and how large it may be."""

from __future__ import annotations

from chalice.app import Request

from chalicelib.generation.dependencies import CallLimits

GATEWAY_SECONDS = 27.0
"""What the 29 s of API Gateway leave for an answer to be made, looked at and written.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""
MOST_BYTES = 5_900_000
"""What the 6 MB of an answer of Lambda leave for what stands around vectors and pictures.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_MARGIN_SECONDS = 1.5


def bounds(request: Request, now: float) -> CallLimits:
    """Return the bounds of the answer to `request`, with `now` by the clock that counts them."""
    seconds = GATEWAY_SECONDS
    context = request.lambda_context
    if context is not None:
        left = context.get_remaining_time_in_millis() / 1_000 - _MARGIN_SECONDS
        seconds = min(seconds, left)
    return CallLimits(deadline=now + seconds, max_bytes=MOST_BYTES)
