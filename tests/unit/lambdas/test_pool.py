"""Seats, warm workers and throttling, with workers that are no processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.pool import Limits, Pool
from localcloud.lambdas.registry import Registered
from localcloud.lambdas.worker import Worker

Make = Callable[..., Registered]


class FakeWorker(Worker):
    """What the pool sees of a worker, without a process."""

    def __init__(self, function: Registered) -> None:
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


class Desk:
    """A pool on a clock that a test moves."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.pool = Pool(Limits(**{"patience_s": 0.0, **limits}), lambda: self.now)

    def warm(self, function: Registered) -> FakeWorker:
        worker = FakeWorker(function)
        with self.pool.seat(function) as seat:
            seat.worker = worker
        return worker


def _refusal(desk: Desk, function: Registered) -> str:
    with pytest.raises(AwsError) as refused, desk.pool.seat(function):
        pass
    assert refused.value.code == "TooManyRequestsException"
    assert refused.value.status == 429
    return str(refused.value.fields["Reason"])


def _sit_down(pool: Pool, function: Registered) -> None:
    with pool.seat(function):
        pass


def test_the_worker_used_last_is_used_first(make_function: Make) -> None:
    desk = Desk()
    read = make_function()
    with desk.pool.seat(read) as one, desk.pool.seat(read) as two:
        one.worker, two.worker = FakeWorker(read), FakeWorker(read)
        last = one.worker
    with desk.pool.seat(read) as again:
        assert again.worker is last


def test_a_seat_has_no_worker_of_another_function(make_function: Make) -> None:
    desk = Desk()
    desk.warm(make_function("read"))
    with desk.pool.seat(make_function("embed")) as seat:
        assert seat.worker is None


def test_a_dead_worker_is_not_handed_out(make_function: Make) -> None:
    desk = Desk()
    worker = desk.warm(make_function())
    worker.running = False
    with desk.pool.seat(make_function()) as seat:
        assert seat.worker is None


def test_all_seats_taken_is_throttled(make_function: Make) -> None:
    desk = Desk(concurrency=1)
    with desk.pool.seat(make_function("read")):
        assert _refusal(desk, make_function("embed")) == "ConcurrentInvocationLimitExceeded"
    with desk.pool.seat(make_function("embed")):
        pass


def test_reserved_concurrency_throttles_its_function_only(make_function: Make) -> None:
    desk = Desk()
    read = make_function("read", reserved_concurrency=1)
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    with desk.pool.seat(read):
        assert _refusal(desk, read) == reason
        with desk.pool.seat(make_function("embed")):
            pass


def test_an_invocation_waits_for_its_turn(make_function: Make) -> None:
    pool = Pool(Limits(concurrency=1, patience_s=30.0))
    read = make_function()
    seated = threading.Event()

    def wait_for_a_seat() -> None:
        with pool.seat(read):
            seated.set()

    waiter = threading.Thread(target=wait_for_a_seat)
    with pool.seat(read):
        waiter.start()
        assert not seated.is_set()
    waiter.join(20)
    assert seated.is_set()


def test_a_function_leaves_seats_for_those_that_it_calls(make_function: Make) -> None:
    desk = Desk(concurrency=3, share=2)
    api, embed = make_function("api"), make_function("embed")
    with desk.pool.seat(api), desk.pool.seat(api):
        assert _refusal(desk, api) == "ConcurrentInvocationLimitExceeded"
        with desk.pool.seat(embed):
            pass


def test_who_waits_for_its_share_holds_up_no_other_function(make_function: Make) -> None:
    pool = Pool(Limits(concurrency=2, share=1, patience_s=30.0))
    api, embed = make_function("api"), make_function("embed")
    waiter = threading.Thread(target=_sit_down, args=(pool, api))
    with pool.seat(api):
        waiter.start()
        with pool.seat(embed):
            pass
    waiter.join(20)
    assert not waiter.is_alive()


def test_all_that_call_others_together_leave_seats_for_those(make_function: Make) -> None:
    desk = Desk(concurrency=4, share=2)
    desk.pool.set_callers(frozenset({"api", "stream"}))
    api, stream = make_function("api"), make_function("stream")
    with desk.pool.seat(api), desk.pool.seat(stream):
        assert _refusal(desk, api) == "ConcurrentInvocationLimitExceeded"
        assert _refusal(desk, stream) == "ConcurrentInvocationLimitExceeded"
        with desk.pool.seat(make_function("embed")), desk.pool.seat(make_function("check")):
            pass


def test_callers_that_wait_for_two_functions_in_turn_all_come_to_an_end(
    make_function: Make,
) -> None:
    pool = Pool(Limits(patience_s=30.0))
    pool.set_callers(frozenset({"api", "stream"}))
    called = [make_function("embed"), make_function("check")]
    all_ask = threading.Barrier(12)

    def ask(caller: Registered) -> None:
        all_ask.wait(20)
        with pool.seat(caller):
            for function in called:
                _sit_down(pool, function)

    callers = [make_function("api" if n % 2 else "stream") for n in range(12)]
    askers = [threading.Thread(target=ask, args=(caller,)) for caller in callers]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(25)
    assert not any(asker.is_alive() for asker in askers)


def test_too_long_a_queue_is_throttled_at_once(make_function: Make) -> None:
    desk = Desk(waiting=0, patience_s=60.0)
    assert _refusal(desk, make_function()) == "ConcurrentInvocationLimitExceeded"


def test_a_new_worker_takes_the_place_of_the_one_idle_longest(make_function: Make) -> None:
    desk = Desk(processes=2)
    oldest = desk.warm(make_function("read"))
    desk.now = 1.0
    newer = desk.warm(make_function("chunk"))
    with desk.pool.seat(make_function("embed")):
        assert oldest.killed
        assert not newer.killed


def test_an_old_generation_serves_no_more(make_function: Make) -> None:
    desk = Desk()
    before, after = make_function(generation=1), make_function(generation=2)
    busy, idle = FakeWorker(before), FakeWorker(before)
    with desk.pool.seat(before) as seat:
        seat.worker = busy
        with desk.pool.seat(before) as other:
            other.worker = idle
        desk.pool.retire(after)
        assert idle.killed
        assert not busy.killed
    assert busy.killed


def test_a_worker_idle_for_too_long_is_ended(make_function: Make) -> None:
    desk = Desk(idle_s=60.0)
    worker = desk.warm(make_function())
    desk.now = 60.0
    desk.pool.evict_idle()
    assert not worker.killed
    desk.now = 60.1
    desk.pool.evict_idle()
    assert worker.killed


def test_after_the_stop_nobody_is_seated(make_function: Make) -> None:
    desk = Desk()
    worker = desk.warm(make_function())
    desk.pool.stop()
    assert worker.killed
    with pytest.raises(AwsError, match="stopping"), desk.pool.seat(make_function()):
        pass
