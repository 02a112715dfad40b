"""Slots, warm execution environments and throttling, with environments without processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.execution_environment import ExecutionEnvironment
from localcloud.lambdas.pool import SMALL_ACCOUNT, ConcurrencyLimits, EnvironmentPool
from localcloud.lambdas.registry import RegisteredFunction

Make = Callable[..., RegisteredFunction]


class FakeEnvironment(ExecutionEnvironment):
    """An execution environment as the pool sees it, without a process."""

    def __init__(self, function: RegisteredFunction) -> None:
        self.function = function
        self.running = True
        self.killed = False
        self.idle_since = 0.0

    @property
    def alive(self) -> bool:
        return self.running

    def kill(self) -> None:
        self.killed = True
        self.running = False


class PoolBench:
    """A pool with a clock that a test moves."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.pool = EnvironmentPool(
            ConcurrencyLimits(**{"max_wait_s": 0.0, **limits}), lambda: self.now
        )

    def warm(self, function: RegisteredFunction) -> FakeEnvironment:
        environment = FakeEnvironment(function)
        with self.pool.slot(function) as slot:
            slot.environment = environment
        return environment


def _refusal(bench: PoolBench, function: RegisteredFunction) -> str:
    with pytest.raises(AwsError) as refused, bench.pool.slot(function):
        pass
    assert refused.value.code == "TooManyRequestsException"
    assert refused.value.status == 429
    return str(refused.value.fields["Reason"])


def _take_slot(pool: EnvironmentPool, function: RegisteredFunction) -> None:
    with pool.slot(function):
        pass


def test_the_environment_used_last_is_used_first(make_function: Make) -> None:
    bench = PoolBench()
    read = make_function()
    with bench.pool.slot(read) as one, bench.pool.slot(read) as two:
        one.environment, two.environment = FakeEnvironment(read), FakeEnvironment(read)
        last = one.environment
    with bench.pool.slot(read) as again:
        assert again.environment is last


def test_a_slot_has_no_environment_of_another_function(make_function: Make) -> None:
    bench = PoolBench()
    bench.warm(make_function("read"))
    with bench.pool.slot(make_function("embed")) as slot:
        assert slot.environment is None


def test_a_dead_environment_is_not_handed_out(make_function: Make) -> None:
    bench = PoolBench()
    environment = bench.warm(make_function())
    environment.running = False
    with bench.pool.slot(make_function()) as slot:
        assert slot.environment is None


def test_all_slots_taken_is_throttled(make_function: Make) -> None:
    bench = PoolBench(concurrency=1)
    with bench.pool.slot(make_function("read")):
        assert _refusal(bench, make_function("embed")) == "ConcurrentInvocationLimitExceeded"
    with bench.pool.slot(make_function("embed")):
        pass


def test_a_small_account_runs_ten_of_any_function_and_throttles_the_next_at_once(
    make_function: Make,
) -> None:
    """As AWS does with a new account's quota.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    pool = EnvironmentPool(SMALL_ACCOUNT)
    pool.set_callers(frozenset({"api"}))
    with ExitStack() as held:
        for _ in range(10):
            held.enter_context(pool.slot(make_function("api")))
        with pytest.raises(AwsError, match="Rate Exceeded") as refused:
            held.enter_context(pool.slot(make_function("embed")))
    assert (refused.value.code, refused.value.status) == ("TooManyRequestsException", 429)


def test_reserved_concurrency_throttles_its_function_only(make_function: Make) -> None:
    bench = PoolBench()
    read = make_function("read", reserved_concurrency=1)
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    with bench.pool.slot(read):
        assert _refusal(bench, read) == reason
        with bench.pool.slot(make_function("embed")):
            pass


def test_an_invocation_waits_for_its_turn(make_function: Make) -> None:
    pool = EnvironmentPool(ConcurrencyLimits(concurrency=1, max_wait_s=30.0))
    read = make_function()
    has_slot = threading.Event()

    def wait_for_a_slot() -> None:
        with pool.slot(read):
            has_slot.set()

    waiter = threading.Thread(target=wait_for_a_slot)
    with pool.slot(read):
        waiter.start()
        assert not has_slot.is_set()
    waiter.join(20)
    assert has_slot.is_set()


def test_a_function_leaves_slots_for_those_that_it_calls(make_function: Make) -> None:
    bench = PoolBench(concurrency=3, function_share=2)
    api, embed = make_function("api"), make_function("embed")
    with bench.pool.slot(api), bench.pool.slot(api):
        assert _refusal(bench, api) == "ConcurrentInvocationLimitExceeded"
        with bench.pool.slot(embed):
            pass


def test_who_waits_for_its_share_holds_up_no_other_function(make_function: Make) -> None:
    pool = EnvironmentPool(ConcurrencyLimits(concurrency=2, function_share=1, max_wait_s=30.0))
    api, embed = make_function("api"), make_function("embed")
    waiter = threading.Thread(target=_take_slot, args=(pool, api))
    with pool.slot(api):
        waiter.start()
        with pool.slot(embed):
            pass
    waiter.join(20)
    assert not waiter.is_alive()


def test_all_that_call_others_together_leave_slots_for_those(make_function: Make) -> None:
    bench = PoolBench(concurrency=4, function_share=2)
    bench.pool.set_callers(frozenset({"api", "stream"}))
    api, stream = make_function("api"), make_function("stream")
    with bench.pool.slot(api), bench.pool.slot(stream):
        assert _refusal(bench, api) == "ConcurrentInvocationLimitExceeded"
        assert _refusal(bench, stream) == "ConcurrentInvocationLimitExceeded"
        with bench.pool.slot(make_function("embed")), bench.pool.slot(make_function("check")):
            pass


def test_callers_that_wait_for_two_functions_in_turn_all_come_to_an_end(
    make_function: Make,
) -> None:
    pool = EnvironmentPool(ConcurrencyLimits(max_wait_s=30.0))
    pool.set_callers(frozenset({"api", "stream"}))
    called = [make_function("embed"), make_function("check")]
    all_ask = threading.Barrier(12)

    def ask(caller: RegisteredFunction) -> None:
        all_ask.wait(20)
        with pool.slot(caller):
            for function in called:
                _take_slot(pool, function)

    callers = [make_function("api" if n % 2 else "stream") for n in range(12)]
    askers = [threading.Thread(target=ask, args=(caller,)) for caller in callers]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(25)
    assert not any(asker.is_alive() for asker in askers)


def test_too_long_a_queue_is_throttled_at_once(make_function: Make) -> None:
    bench = PoolBench(max_waiting=0, max_wait_s=60.0)
    assert _refusal(bench, make_function()) == "ConcurrentInvocationLimitExceeded"


def test_a_new_environment_takes_the_place_of_the_one_idle_longest(make_function: Make) -> None:
    bench = PoolBench(max_environments=2)
    oldest = bench.warm(make_function("read"))
    bench.now = 1.0
    newer = bench.warm(make_function("chunk"))
    with bench.pool.slot(make_function("embed")):
        assert oldest.killed
        assert not newer.killed


def test_an_old_generation_serves_no_more(make_function: Make) -> None:
    bench = PoolBench()
    before, after = make_function(generation=1), make_function(generation=2)
    busy, idle = FakeEnvironment(before), FakeEnvironment(before)
    with bench.pool.slot(before) as slot:
        slot.environment = busy
        with bench.pool.slot(before) as other:
            other.environment = idle
        bench.pool.retire(after)
        assert idle.killed
        assert not busy.killed
    assert busy.killed


def test_a_environment_idle_for_too_long_is_ended(make_function: Make) -> None:
    bench = PoolBench(max_idle_s=60.0)
    environment = bench.warm(make_function())
    bench.now = 60.0
    bench.pool.evict_idle()
    assert not environment.killed
    bench.now = 60.1
    bench.pool.evict_idle()
    assert environment.killed


def test_after_the_stop_nobody_gets_a_slot(make_function: Make) -> None:
    bench = PoolBench()
    environment = bench.warm(make_function())
    bench.pool.stop()
    assert environment.killed
    with pytest.raises(AwsError, match="stopping"), bench.pool.slot(make_function()):
        pass
