"""Retry and Catch: which retrier or catcher handles an error, and after which delay.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.state_machine import Catcher, Retrier


@dataclass(frozen=True, slots=True)
class RetryAttempt:
    """Retry after `delay_seconds`; `counts` are the retries made so far, per retrier."""

    delay_seconds: float
    counts: tuple[int, ...]


def matches_error(
    error_equals: Sequence[str], error_name: str, *, reported_by_task: bool = False
) -> bool:
    """Return whether an `ErrorEquals` list matches an error of that name.

    `reported_by_task` distinguishes an error that ends a task (its history has TaskFailed) from
    one that the state itself raised: `States.ALL` matches `States.DataLimitExceeded` of a
    task's result, not that of a state's output, and nothing matches a state's `States.Runtime`.
    """
    if error_name == errors.RUNTIME and not reported_by_task:
        return False
    return any(_matches(entry, error_name, reported_by_task) for entry in error_equals)


def _matches(entry: str, error_name: str, reported_by_task: bool) -> bool:
    if entry == errors.ALL:
        if error_name == errors.DATA_LIMIT_EXCEEDED:
            return reported_by_task
        return error_name != errors.RUNTIME
    if entry == errors.TASK_FAILED:
        return error_name not in {
            errors.TIMEOUT,
            errors.HEARTBEAT_TIMEOUT,
            errors.RUNTIME,
            errors.DATA_LIMIT_EXCEEDED,
        }
    if entry == errors.TIMEOUT:
        return error_name in {errors.TIMEOUT, errors.HEARTBEAT_TIMEOUT}
    return entry == error_name


def next_attempt(
    retriers: Sequence[Retrier],
    error_name: str,
    counts: Sequence[int],
    random: Callable[[], float],
    *,
    reported_by_task: bool = False,
) -> RetryAttempt | None:
    """Return the retry for `error_name`, or None.

    `counts` are the retries made so far in this visit of the state, `()` at first. `random`
    returns numbers in [0, 1) and is called for FULL jitter only. The first retrier that matches
    decides, even if its attempts are used up.
    """
    for at, retrier in enumerate(retriers):
        if not matches_error(retrier.error_equals, error_name, reported_by_task=reported_by_task):
            continue
        made = list(counts) or [0] * len(retriers)
        if made[at] >= retrier.max_attempts:
            return None
        delay = _delay(retrier, made[at], random)
        made[at] += 1
        return RetryAttempt(delay, tuple(made))
    return None


def _delay(retrier: Retrier, retries_made: int, random: Callable[[], float]) -> float:
    ceiling = float("inf") if retrier.max_delay_seconds is None else retrier.max_delay_seconds
    try:
        delay = retrier.interval_seconds * retrier.backoff_rate**retries_made
    except OverflowError:
        delay = ceiling
    delay = min(delay, ceiling)
    return delay * random() if retrier.jitter_strategy == "FULL" else delay


def find_catcher(
    catchers: Sequence[Catcher], error_name: str, *, reported_by_task: bool = False
) -> Catcher | None:
    """Return the first catcher that matches."""
    for catcher in catchers:
        if matches_error(catcher.error_equals, error_name, reported_by_task=reported_by_task):
            return catcher
    return None
