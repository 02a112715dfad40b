"""Usage and remaining time of a call that takes several requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.contracts.generations import Usage
from chalicelib.errors import HeadraceError, Transient

_STEP_SECONDS, _MIN_SECONDS = 5, 1


@contextmanager
def with_earlier_usage(used: Usage, seconds: float = 0.0) -> Iterator[None]:
    """Add the usage and seconds of a call's earlier requests to an error raised in the block."""
    try:
        yield
    except HeadraceError as error:
        if used != Usage():
            error.usage = used
        error.seconds += seconds
        raise


def client_timeout(left: float | None, most: int) -> int:
    """Return the read timeout of a client for a call that has `left` seconds, None for any.

    It is `most` at most, and rounded down to steps of five seconds while there is more than one
    step, since every timeout needs a client of its own, which is built once.
    """
    whole = most if left is None else int(left)
    if _STEP_SECONDS < whole < most:
        whole -= whole % _STEP_SECONDS
    return max(_MIN_SECONDS, min(whole, most))


def remaining_seconds(seconds: float | None, passed: float) -> float | None:
    """Return what is left of the `seconds` that a call may take, None without a deadline.

    Raises:
        Transient: nothing is left.
    """
    if seconds is None:
        return None
    if passed >= seconds:
        raise Transient("No answer came in time: the call is made in too many parts.")
    return seconds - passed
