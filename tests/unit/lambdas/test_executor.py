"""Environments whose process or log fails, tested without processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.executor import Executor, FunctionEvent
from localcloud.lambdas.pool import ConcurrencyLimits, EnvironmentPool
from localcloud.lambdas.registry import RegisteredFunction
from localcloud.lambdas.runtime_api import HandlerLoaded, ProcessExited, RuntimeSignal

Make = Callable[..., RegisteredFunction]


class FakeLog:
    """A log stream that can be one on a full disk."""

    def __init__(self, *, full: bool) -> None:
        self.full = full

    def begin_invocation(self) -> None:
        """Begin nothing."""

    def write_lines(self, *texts: str) -> None:
        if self.full:
            raise OSError(28, "No space left on device")

    def tail(self) -> bytes:
        return b""


class FakeEnvironment:
    """An environment that gives the signals it was made with."""

    def __init__(
        self, function: RegisteredFunction, signals: Sequence[RuntimeSignal], log: FakeLog
    ) -> None:
        self.function, self.log = function, log
        self.signals = list(signals)
        self.killed = False
        self.peak_rss = 0

    def wait_for_signal(self, timeout_s: float) -> RuntimeSignal | None:
        return self.signals.pop(0) if self.signals else None

    def invoke(self, invocation: object) -> None:
        """Take no event."""

    def kill(self) -> None:
        self.killed = True

    def wait_for_exit(self, timeout_s: float) -> None:
        """It has exited."""


class FakeMemory:
    """Remembers which environments are watched."""

    def __init__(self) -> None:
        self.watched: list[object] = []

    def add(self, environment: object) -> None:
        self.watched.append(environment)

    def remove(self, environment: object) -> None:
        if environment in self.watched:
            self.watched.remove(environment)


class Started:
    """A factory of environments that all give the same signals."""

    def __init__(self, *signals: RuntimeSignal, full: bool = False, most: int = 20) -> None:
        self.signals, self.log, self.most = signals, FakeLog(full=full), most
        self.environments: list[FakeEnvironment] = []

    def start(self, function: RegisteredFunction) -> Any:
        assert len(self.environments) < self.most, "one invocation starts workers without end"
        self.environments.append(FakeEnvironment(function, self.signals, self.log))
        return self.environments[-1]


def executor_of(factory: Any, memory: FakeMemory) -> Executor:
    return Executor(EnvironmentPool(ConcurrencyLimits()), factory, memory)  # type: ignore[arg-type]


def test_a_worker_that_exits_before_its_event_is_an_error_and_not_started_for_ever(
    make_function: Make,
) -> None:
    """As Lambda reports a runtime that exits, `Runtime.ExitError`.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    started, memory = Started(HandlerLoaded(), ProcessExited(3)), FakeMemory()
    outcome = executor_of(started, memory).run(make_function(), FunctionEvent(b"{}"))
    assert outcome.error_type == "Runtime.ExitError"
    assert len(started.environments) == 1
    assert all(each.killed for each in started.environments)
    assert not memory.watched


def test_a_failed_init_starts_two_workers_and_leaves_none(make_function: Make) -> None:
    started, memory = Started(ProcessExited(1)), FakeMemory()
    outcome = executor_of(started, memory).run(make_function(), FunctionEvent(b"{}"))
    assert outcome.error_type == "Runtime.ExitError"
    assert [each.killed for each in started.environments] == [True, True]
    assert not memory.watched


def test_whatever_breaks_leaves_no_worker_behind(make_function: Make) -> None:
    started, memory = Started(HandlerLoaded(), full=True), FakeMemory()
    with pytest.raises(AwsError, match="No space left") as refused:
        executor_of(started, memory).run(make_function(), FunctionEvent(b"{}"))
    assert (refused.value.code, refused.value.status) == ("ServiceException", 500)
    assert all(each.killed for each in started.environments)
    assert not memory.watched
