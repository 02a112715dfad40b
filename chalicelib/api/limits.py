"""The longest time and the largest size of a response of the API."""

from __future__ import annotations

from chalice.app import Request

from chalicelib.generation.dependencies import CallLimits

GATEWAY_SECONDS = 27.0
"""Seconds, of the 29 s of API Gateway, in which a response is generated and written.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""
MAX_BYTES = 5_900_000
"""Bytes of vectors or images, of the 6 MB of a Lambda response; the rest is for what is around.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_MARGIN_SECONDS = 1.5


def call_limits(request: Request, now: float) -> CallLimits:
    """Return the limits of the response to `request`.

    Args:
        request: The request, whose Lambda context says how much time is left.
        now: The time by the monotonic clock that deadlines are compared with.
    """
    seconds = GATEWAY_SECONDS
    context = request.lambda_context
    if context is not None:
        left = context.get_remaining_time_in_millis() / 1_000 - _MARGIN_SECONDS
        seconds = min(seconds, left)
    return CallLimits(deadline=now + seconds, max_bytes=MAX_BYTES)
