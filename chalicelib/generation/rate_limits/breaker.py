"""A circuit breaker for each model: opened by too many failures, closed by a probe. Pure.

Closed, it counts calls and failures over a sliding window, estimated from the current window and a
share of the one before. At `failure_rate` of `min_calls` it opens. After its rest one call is let
through as a probe: success closes it, failure opens it again for twice as long. A probe that was
throttled, or was an invalid call, says nothing about the model: the breaker rests once more for as
long as before. Calls that began earlier and end meanwhile decide nothing.
https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker

A breaker is a small record, stored as text. Times are in seconds, passed in.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Literal

from chalicelib.errors import HeadraceError, ModelFailure, Transient

BreakerState = Literal["closed", "open", "half-open"]
CallEnding = Literal["well", "failed", "neutral"]
"""The outcome of a call: `neutral` says nothing about the health of the model."""

ProbeTicket = float | None
"""The ticket of an admitted call: the start time of a probe, None of any other call."""

_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """The rules of a breaker: when it opens, for `rest_s` at first and `max_rest_s` at most.

    A probe without a result for `probe_s` is given up, and another one admitted.
    """

    window_s: float = 60.0
    min_calls: int = 10
    failure_rate: float = 0.5
    rest_s: float = 15.0
    max_rest_s: float = 300.0
    probe_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker of one model.

    `since` is when the window, the rest, or the probe began. `calls` and `failures` are those of
    the current window, `calls_before` and `failures_before` of the one before. `trips` counts how
    often it opened without closing in between.
    """

    state: BreakerState = "closed"
    since: float = 0.0
    calls: int = 0
    failures: int = 0
    calls_before: int = 0
    failures_before: int = 0
    trips: int = 0

    def dump(self) -> str:
        """Return the breaker as text, under 200 bytes."""
        return json.dumps(asdict(self), separators=(",", ":"))


BREAKER_RULES = BreakerRules()
CLOSED_BREAKER = Breaker()


def load_breaker(text: str) -> Breaker:
    """Return the breaker that `dump` wrote. Raises TypeError or ValueError for another text."""
    return Breaker(**json.loads(text))


def classify_ending(error: HeadraceError | None) -> CallEnding:
    """Return the outcome that the end of a call has; throttling and bad input are neutral."""
    if error is None:
        return "well"
    return "failed" if isinstance(error, Transient | ModelFailure) else "neutral"


def open_until(breaker: Breaker, now: float, rules: BreakerRules = BREAKER_RULES) -> float | None:
    """Return the time until which no call is admitted, None if one would be admitted now."""
    if breaker.state == "open":
        until = breaker.since + _rest(breaker, rules)
    elif breaker.state == "half-open":
        until = breaker.since + rules.probe_s
    else:
        return None
    return until if now < until else None


def admit_call(
    breaker: Breaker, now: float, rules: BreakerRules = BREAKER_RULES
) -> tuple[bool, Breaker]:
    """Return whether a call is admitted now, and the breaker after that.

    If that is half-open, the call is a probe, and the breaker's `since` is its ticket.
    """
    if open_until(breaker, now, rules) is not None:
        return False, breaker
    if breaker.state == "closed":
        return True, breaker
    return True, replace(breaker, state="half-open", since=now)


def record_call(
    breaker: Breaker,
    ending: CallEnding,
    now: float,
    ticket: ProbeTicket = None,
    rules: BreakerRules = BREAKER_RULES,
) -> Breaker:
    """Return the breaker after the call that was admitted with `ticket` ended at `now`."""
    # A call that ends now was admitted before the breaker opened.
    if breaker.state == "open":
        return breaker
    if breaker.state == "half-open":
        # Only the probe decides: its ticket is the time at which it began.
        return _after_probe(breaker, ending, now) if ticket == breaker.since else breaker
    failed = ending == "failed"
    counted = _in_current_window(breaker, now, rules)
    counted = replace(
        counted, calls=counted.calls + 1, failures=counted.failures + (1 if failed else 0)
    )
    calls, failures = _window_counts(counted, now, rules)
    if failed and calls >= rules.min_calls and failures >= rules.failure_rate * calls:
        return _opened(counted, now)
    return counted


def describe_rest(breaker: Breaker, until: float, now: float) -> str:
    """Return the reason in words that no call is admitted before `until`."""
    if breaker.state == "half-open":
        return "tried by one call now, after too many failed"
    return (
        f"resting for {max(1, round(until - now))} s more, since {breaker.failures} of the last"
        f" {breaker.calls} calls failed"
    )


def _after_probe(breaker: Breaker, ending: CallEnding, now: float) -> Breaker:
    if ending == "well":
        return Breaker(since=now)
    return (
        _opened(breaker, now) if ending == "failed" else replace(breaker, state="open", since=now)
    )


def _opened(breaker: Breaker, now: float) -> Breaker:
    return replace(breaker, state="open", since=now, trips=breaker.trips + 1)


def _rest(breaker: Breaker, rules: BreakerRules) -> float:
    doublings = min(breaker.trips - 1, _MOST_DOUBLINGS)
    return float(min(rules.rest_s * 2**doublings, rules.max_rest_s))


def _in_current_window(breaker: Breaker, now: float, rules: BreakerRules) -> Breaker:
    """Return the breaker with the window that `now` falls into."""
    passed = now - breaker.since
    if passed < rules.window_s:
        return breaker
    if passed < 2 * rules.window_s:
        return replace(
            breaker,
            since=breaker.since + rules.window_s,
            calls=0,
            failures=0,
            calls_before=breaker.calls,
            failures_before=breaker.failures,
        )
    return Breaker(since=now)


def _window_counts(breaker: Breaker, now: float, rules: BreakerRules) -> tuple[float, float]:
    """Return calls and failures of the last `window_s`, the window before counted by share."""
    share = max(0.0, 1 - max(0.0, now - breaker.since) / rules.window_s)
    calls = breaker.calls + share * breaker.calls_before
    return calls, breaker.failures + share * breaker.failures_before
