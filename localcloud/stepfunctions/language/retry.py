"""Which retrier or catcher handles an error, and how long to wait.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from localcloud.stepfunctions.language.states import Catcher, Retrier


@dataclass(frozen=True, slots=True)
class Attempt:
    """Try again after `delay_seconds`; `counts` are the retries made so far, one a retrier."""

    delay_seconds: float
    counts: tuple[int, ...]


def handles(error_equals: Sequence[str], error_name: str) -> bool:
    """Return whether an `ErrorEquals` list matches an error of that name."""
    raise NotImplementedError


def next_attempt(
    retriers: Sequence[Retrier],
    error_name: str,
    counts: Sequence[int],
    random: Callable[[], float],
) -> Attempt | None:
    """Return the retry that `error_name` gets, or None.

    `counts` are the retries made so far in this visit of the state, `()` at first. `random`
    gives numbers in [0, 1) and is called for FULL jitter only.
    """
    raise NotImplementedError


def catcher_for(catchers: Sequence[Catcher], error_name: str) -> Catcher | None:
    """Return the first catcher that matches."""
    raise NotImplementedError
