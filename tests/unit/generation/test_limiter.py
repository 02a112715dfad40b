from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.generation.rate_limits.limiter import (
    UNLIMITED,
    Limiter,
    LimiterRules,
    load_limiter,
    record_throttling,
    request_call,
)

RULES = LimiterRules(raise_per_s=0.0)
STEADY = Limiter(rate=10.0, cut_at=0.0)


def granted(limiter: Limiter, asks: list[tuple[float, str]]) -> dict[str, int]:
    """Return how many calls each tenant was let make that asked at these moments."""
    counts: dict[str, int] = {}
    for now, tenant in sorted(asks):
        grant = request_call(limiter, tenant, now, RULES)
        limiter = grant.limiter
        counts[tenant] = counts.get(tenant, 0) + (grant.wait_s == 0)
    return counts


def every(seconds: float, until: float, tenant: str) -> list[tuple[float, str]]:
    return [(number * seconds, tenant) for number in range(1, round(until / seconds) + 1)]


def test_nobody_should_wait_before_the_model_throttles() -> None:
    limiter = UNLIMITED
    for number in range(500):
        grant = request_call(limiter, "a", number / 100, RULES)
        assert grant.wait_s == 0
        limiter = grant.limiter
    assert limiter.flow == pytest.approx(100, rel=0.4)


def asked(limiter: Limiter, first: int, last: int, every: int) -> Limiter:
    """Return a limiter after 50 calls a second, each `every`-th of which was throttled."""
    made = 0
    for number in range(first, last):
        grant = request_call(limiter, "a", number / 50, RULES)
        limiter, made = grant.limiter, made + (grant.wait_s == 0)
        if not grant.wait_s and made % every == 0:
            limiter = record_throttling(limiter, number / 50, RULES)
    return limiter


def test_throttling_of_every_call_should_halve_what_was_asked_and_once_in_a_while_only() -> None:
    cut = record_throttling(replace(UNLIMITED, flow=10.0, refused=10.8, updated=40.0), 40.0, RULES)
    assert cut.rate == pytest.approx(5)
    assert record_throttling(cut, 41.9, RULES).rate == cut.rate
    assert record_throttling(cut, 42.0, RULES).rate == pytest.approx(2.5, rel=0.05)


def test_a_few_throttled_calls_should_be_borne() -> None:
    assert asked(UNLIMITED, 0, 5_000, every=4).rate is None
    assert asked(replace(STEADY, flow=50.0), 0, 500, every=4).rate == STEADY.rate


def test_a_rate_should_be_cut_by_the_more_the_more_is_throttled() -> None:
    rates = [
        record_throttling(
            replace(UNLIMITED, flow=10.0, refused=refused, updated=1.0), 1.0, RULES
        ).rate
        for refused in (3.3, 4.2, 7.5, 10.8)
    ]
    assert rates[0] is None
    assert rates[1:] == [pytest.approx(rate, abs=0.01) for rate in (9.5, 7.25, 5.0)]


def test_a_model_that_takes_less_than_it_is_asked_for_should_be_asked_for_little_more() -> None:
    limiter, takes, made = UNLIMITED, 10.0, [0, 0]
    rules = LimiterRules()
    room = 0.0
    for tick in range(6_000):
        now = tick / 50
        room = min(takes, room + takes / 50)
        grant = request_call(limiter, "a", now, rules)
        limiter = grant.limiter
        if grant.wait_s:
            continue
        accepted = room >= 1
        room -= accepted
        if not accepted:
            limiter = record_throttling(limiter, now, rules)
        if now > 60:
            made[accepted] += 1
    refused, answered = made
    assert answered >= 0.95 * takes * 60
    assert refused <= 0.65 * answered, "a third is borne"


def test_the_rate_should_rise_by_as_much_each_second_up_to_its_bound() -> None:
    rules = LimiterRules(raise_per_s=0.5, max_rate=12.0)
    rates = [request_call(STEADY, "a", float(now), rules).limiter.rate for now in (0, 1, 2, 100)]
    assert rates == [10.0, 10.5, 11.0, 12.0]


def test_one_tenant_should_have_the_whole_rate() -> None:
    counts = granted(STEADY, every(0.01, 20, "a"))
    assert counts["a"] == pytest.approx(200, abs=15)


def test_tenants_that_ask_for_much_should_get_equal_shares() -> None:
    counts = granted(STEADY, [ask for name in "abcd" for ask in every(0.01, 20, name)])
    assert sum(counts.values()) == pytest.approx(200, abs=15)
    assert max(counts.values()) - min(counts.values()) <= 15


def test_a_tenant_that_asks_for_less_than_its_share_should_hardly_wait() -> None:
    counts = granted(STEADY, [*every(0.005, 40, "greedy"), *every(0.5, 40, "modest")])
    assert counts["modest"] >= 78
    assert counts["greedy"] == pytest.approx(400 - 80, abs=25)


def test_a_wait_should_be_as_long_as_it_takes() -> None:
    first = request_call(replace(STEADY, updated=100.0), "a", 100.0, RULES)
    assert first.wait_s == pytest.approx(0.1)
    again = request_call(first.limiter, "a", 100.0 + first.wait_s + 1e-9, RULES)
    assert again.wait_s == 0


def test_a_clock_that_runs_back_should_give_nothing_away() -> None:
    limiter = request_call(replace(STEADY, updated=100.0), "a", 100.0, RULES).limiter
    assert request_call(limiter, "a", 50.0, RULES).limiter.updated == 100.0
    assert request_call(limiter, "a", 50.0, RULES).wait_s > 0


moments = st.lists(
    st.tuples(st.floats(0, 30, allow_nan=False), st.sampled_from("abcdef")), max_size=200
)


@given(moments, st.floats(0.5, 50))
def test_no_more_should_be_let_through_than_flows_in(
    asks: list[tuple[float, str]], rate: float
) -> None:
    limiter = Limiter(rate=rate, cut_at=0.0)
    last = max((now for now, _ in asks), default=0.0)
    assert sum(granted(limiter, asks).values()) <= rate * last + 1e-6


@given(moments)
def test_should_survive_being_kept_and_stay_small(asks: list[tuple[float, str]]) -> None:
    rules = LimiterRules(max_tenants=3)
    limiter = STEADY
    for now, tenant in sorted(asks):
        limiter = request_call(limiter, tenant, now, rules).limiter
        assert load_limiter(limiter.dump()) == limiter
        assert len(limiter.shares) <= 3
    assert load_limiter(UNLIMITED.dump()) == UNLIMITED
