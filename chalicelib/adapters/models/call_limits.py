"""Usage and remaining time of a call that takes several requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.contracts.generations import Usage
from chalicelib.errors import HeadraceError, Transient

_STEP_SECONDS, _LEAST_SECONDS = 5, 1


@contextmanager
def with_earlier_usage(used: Usage, seconds: float = 0.0) -> Iterator[None]:
    """Tell with what fails inside the block what earlier requests of the same call `used`, and how
    many `seconds` a function of ours worked for them.
    """
    try:
        yield
    except HeadraceError as error:
        if used != Usage():
            error.usage = used
        error.seconds += seconds
        raise


def client_timeout(left: float | None, most: int) -> int:
    """Return how many seconds a client waits, `most` at most, where a call may take what is `left`
    of its time, None for any. By steps, and by single seconds where only one step is left: each
    wait takes a client of its own, which is made once.
    """
    whole = most if left is None else int(left)
    if _STEP_SECONDS < whole < most:
        whole -= whole % _STEP_SECONDS
    return max(_LEAST_SECONDS, min(whole, most))


def remaining_seconds(seconds: float | None, passed: float) -> float | None:
    """Return what is left of the `seconds` that a call may take, None where nobody counts them.

    Raises:
        Transient: nothing is left.
    """
    if seconds is None:
        return None
    if passed >= seconds:
        raise Transient("No answer came in time: the call is made in too many parts.")
    return seconds - passed
