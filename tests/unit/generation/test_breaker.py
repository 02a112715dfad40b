from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, ModelFailure, Throttled, Transient
from chalicelib.generation.rate_limits.breaker import (
    CLOSED_BREAKER,
    Breaker,
    BreakerRules,
    CallEnding,
    admit_call,
    classify_ending,
    describe_rest,
    load_breaker,
    open_until,
    record_call,
)

RULES = BreakerRules(window_s=10, min_calls=4, failure_rate=0.5, rest_s=5, max_rest_s=12, probe_s=3)


def after(outcomes: str, breaker: Breaker = CLOSED_BREAKER, at: float = 0.0) -> Breaker:
    """Return the breaker after calls that failed (x) or not (.), a tenth of a second apart."""
    for number, outcome in enumerate(outcomes):
        breaker = record_call(
            breaker, "failed" if outcome == "x" else "well", at + number / 10, None, RULES
        )
    return breaker


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [("xxx", "closed"), ("..xx", "open"), ("...x", "closed"), (".x.x", "open"), ("xx..", "closed")],
)
def test_should_open_at_the_rate_of_enough_calls(outcomes: str, state: str) -> None:
    assert after(outcomes).state == state


def test_should_let_nothing_through_until_its_rest_is_over_and_then_one_call() -> None:
    breaker = after("xxxx")
    opened = breaker.since
    assert open_until(breaker, opened + 1, RULES) == opened + 5
    assert admit_call(breaker, opened + 4.9, RULES) == (False, breaker)
    allowed, probing = admit_call(breaker, opened + 5, RULES)
    assert (allowed, probing.state) == (True, "half-open")
    assert admit_call(probing, opened + 6, RULES)[0] is False
    assert (
        describe_rest(probing, opened + 8, opened + 6)
        == "tried by one call now, after too many failed"
    )


def test_a_probe_should_close_it_or_open_it_for_twice_as_long() -> None:
    breaker = after("xxxx")
    rests = []
    for _ in range(3):
        until = open_until(breaker, breaker.since, RULES)
        assert until is not None
        rests.append(until - breaker.since)
        probing = admit_call(breaker, until, RULES)[1]
        breaker = record_call(probing, "failed", until + 1, probing.since, RULES)
    assert rests == [5, 10, 12]
    until = open_until(breaker, breaker.since, RULES) or 0.0
    closed = record_call(admit_call(breaker, until, RULES)[1], "well", until, until, RULES)
    assert closed == Breaker(since=until)


def test_a_probe_that_is_not_heard_of_should_be_given_up() -> None:
    breaker = after("xxxx")
    _, probing = admit_call(breaker, breaker.since + 5, RULES)
    assert admit_call(probing, probing.since + 2.9, RULES)[0] is False
    allowed, again = admit_call(probing, probing.since + 3, RULES)
    assert (allowed, again.since) == (True, probing.since + 3)


def test_what_ends_after_it_opened_should_change_nothing() -> None:
    breaker = after("xxxx")
    assert record_call(breaker, "well", breaker.since + 1, None, RULES) == breaker


@pytest.mark.parametrize("how", ["well", "failed", "neutral"])
def test_what_began_before_a_probe_should_not_decide_of_it(how: CallEnding) -> None:
    breaker = after("xxxx")
    probing = admit_call(breaker, breaker.since + 5, RULES)[1]
    assert record_call(probing, how, probing.since + 1, None, RULES) == probing
    assert record_call(probing, how, probing.since + 1, probing.since - 3, RULES) == probing


def test_a_probe_that_says_nothing_of_the_model_should_let_it_rest_for_as_long_again() -> None:
    breaker = after("xxxx")
    probing = admit_call(breaker, breaker.since + 5, RULES)[1]
    again = record_call(probing, "neutral", probing.since + 1, probing.since, RULES)
    assert (again.state, again.trips) == ("open", breaker.trips)
    assert open_until(again, again.since, RULES) == again.since + 5


def test_old_failures_should_fade_with_the_window() -> None:
    failing = after("xxx")
    assert after("x", failing, at=9.9).state == "open"
    assert after("x", failing, at=12.0).state == "closed"
    assert after("xxx", failing, at=40.0).calls == 3


def test_only_faults_of_the_model_should_count() -> None:
    assert [classify_ending(error("x")) for error in (Transient, ModelFailure)] == [
        "failed",
        "failed",
    ]
    assert [classify_ending(error("x")) for error in (Throttled, InvalidInput)] == [
        "neutral",
        "neutral",
    ]
    assert classify_ending(None) == "well"


@given(st.text("x.", max_size=60), st.floats(0, 100))
def test_should_never_open_without_failures_and_survive_being_kept(
    outcomes: str, at: float
) -> None:
    breaker = after(outcomes, at=at)
    assert load_breaker(breaker.dump()) == breaker
    assert len(breaker.dump()) < 200
    if breaker.state == "open":
        assert breaker.failures >= 1
        assert admit_call(breaker, breaker.since + RULES.max_rest_s, RULES)[0]
    if "x" not in outcomes:
        assert breaker.state == "closed"
        assert admit_call(breaker, at + 60, RULES) == (True, breaker)
