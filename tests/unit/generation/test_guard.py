from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, Throttled, Transient
from chalicelib.generation.rate_limits.breaker import BreakerRules
from chalicelib.generation.rate_limits.guard import GuardRules, ModelGuard
from chalicelib.generation.rate_limits.limiter import LimiterRules

RULES = GuardRules(
    breaker=BreakerRules(min_calls=2, rest_s=10.0), limiter=LimiterRules(min_rate=0.5)
)


@dataclass
class Kept:
    """A store in memory; while it is `down` it does not answer."""

    told: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    down: bool = False

    def breakers(self) -> Mapping[str, str]:
        self.asked += 1
        if self.down:
            raise Transient("down")
        return dict(self.told)

    def save(self, name: str, breaker: str, seconds: float) -> None:
        if self.down:
            raise Transient("down")
        self.told[name] = breaker


@dataclass
class Time:
    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.at += seconds


def guard(store: Kept, time: Time, log: list[HeadraceError] | None = None) -> ModelGuard:
    said = [] if log is None else log
    return ModelGuard(store, time.now, time.sleep, said.append, RULES)


def fails(one: ModelGuard, times: int, tenant: str = "t") -> None:
    for _ in range(times):
        one.admit("m", tenant)
        one.record_end("m", tenant, ModelFailure("broken"))


def test_a_model_that_fails_should_rest_and_then_be_tried_by_one_call() -> None:
    time = Time()
    one = guard(Kept(), time)
    fails(one, 2)
    assert one.health("t")["m"].state == "open"
    with pytest.raises(Transient, match="m is resting"):
        one.admit("m", "t")
    time.at += 10
    ticket = one.admit("m", "t")
    with pytest.raises(Transient, match="tried by one call") as raised:
        one.admit("m", "t")
    assert raised.value.retry_after == 60
    one.record_end("m", "t", None)
    assert one.health("t")["m"].state == "half-open"
    one.record_end("m", "t", None, ticket)
    one.admit("m", "t")
    assert one.health("t")["m"].state == "closed"


def test_what_one_process_found_should_be_known_to_another_within_seconds() -> None:
    store, time = Kept(), Time()
    one, other = guard(store, time), guard(store, time)
    assert other.health("t") == {}
    fails(one, 2)
    assert other.health("t") == {}
    time.at += RULES.fresh_s
    assert other.health("t")["m"].state == "open"
    with pytest.raises(Transient):
        other.admit("m", "t")
    time.at += 10
    one.record_end("m", "t", None, one.admit("m", "t"))
    assert other.health("t")["m"].state == "closed"


def test_the_store_should_be_asked_only_where_someone_asks_and_now_and_then() -> None:
    store, time = Kept(), Time()
    one = guard(store, time)
    for _ in range(10):
        one.health("t")
        one.admit("m", "t")
        one.record_end("m", "t", None)
    assert store.asked == 1
    assert store.told == {}


def test_a_store_that_is_down_should_stop_nobody_and_be_logged() -> None:
    store, time = Kept(down=True), Time()
    log: list[HeadraceError] = []
    one = guard(store, time, log)
    assert one.health("t") == {}
    fails(one, 2)
    with pytest.raises(Transient, match="resting"):
        one.admit("m", "t")
    assert [str(error) for error in log] == ["down", "down"]


@pytest.mark.parametrize("error", [Throttled("slow down"), InvalidInput("no")])
def test_throttling_and_bad_input_should_not_make_a_model_rest(error: HeadraceError) -> None:
    time = Time()
    one = guard(Kept(), time)
    for _ in range(5):
        one.record_end("m", "t", error)
    assert one.health("t")["m"].state == "closed"


def test_a_throttled_model_should_be_asked_more_slowly_and_no_wait_be_long() -> None:
    time = Time()
    one = guard(Kept(), time)
    for _ in range(10):
        one.admit("m", "t")
        one.record_end("m", "t", Throttled("slow down"))
        time.at += 0.5
    began, refused, let_through = time.at, 0, 0
    for _ in range(20):
        before = time.at
        try:
            one.admit("m", "t")
            let_through += 1
        except Throttled:
            refused += 1
            time.at += 1
        assert time.at - before <= RULES.max_wait_s + 1
    assert refused or time.at - began > 5
    assert let_through
    one.admit("another", "t")


def test_threads_should_share_one_guard_and_lose_no_count() -> None:
    time = Time()
    one = ModelGuard(Kept(), time.now, lambda s: None, lambda error: None)
    each = 50

    def work() -> None:
        for _ in range(each):
            one.admit("m", "t")
            one.record_end("m", "t", None)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.health("t")["m"].calls == 4 * each


def test_a_tenant_whose_calls_fail_should_not_close_a_model_for_another() -> None:
    store, time = Kept(), Time()
    one, other = guard(store, time), guard(store, time)
    other.admit("m", "calm")
    other.record_end("m", "calm", None)
    fails(one, 2, "hasty")
    time.at += RULES.fresh_s
    assert other.health("hasty")["m"].state == "open"
    assert other.health("calm")["m"].state == "closed"
    assert other.health("new").get("m") is None
    for tenant in ("calm", "new"):
        other.admit("m", tenant)
        other.record_end("m", tenant, None)
    assert not [name for name in store.told if "hasty" in name]


def test_a_model_that_fails_for_half_of_its_tenants_should_rest_for_all() -> None:
    time = Time()
    one = guard(Kept(), time)
    for calm in ("c1", "c2"):
        one.admit("m", calm)
        one.record_end("m", calm, None)
    fails(one, 2, "a")
    one.admit("m", "c1")
    fails(one, 2, "b")
    assert one.health("c1")["m"].state == "open"
    with pytest.raises(Transient, match="resting"):
        one.admit("m", "new")
    one.admit("another", "new")
    time.at += 10
    one.admit("m", "new")


def test_tenants_that_failed_and_went_away_should_not_hide_an_outage() -> None:
    time = Time()
    one = guard(Kept(), time)
    for number in range(4):
        fails(one, 2, f"gone{number}")
        time.at += 300
    fails(one, 2, "a")
    assert one.health("b").get("m") is None
    fails(one, 2, "b")
    assert one.health("c")["m"].state == "open"


def test_breakers_of_tenants_that_went_away_should_be_forgotten() -> None:
    time = Time()
    one = guard(Kept(), time)
    for number in range(5000):
        one.record_end("m", f"t{number}", None)
        time.at += 1
    assert len(one._breakers) <= 4097
