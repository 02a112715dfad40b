"""Execution of an invocation: take a slot, load the handler, run it, and report its outcome."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from localcloud.errors import AwsError
from localcloud.lambdas import log_lines
from localcloud.lambdas.execution_environment import (
    ExecutionEnvironment,
    ExecutionEnvironmentFactory,
)
from localcloud.lambdas.lineage import check_recursion, next_lineage
from localcloud.lambdas.log_lines import InvocationMetrics
from localcloud.lambdas.memory import MemoryMonitor
from localcloud.lambdas.outcome import InvocationOutcome, outcome_from_signal
from localcloud.lambdas.pool import EnvironmentPool, InvocationSlot, stopping_error
from localcloud.lambdas.registry import RegisteredFunction
from localcloud.lambdas.runtime_api import (
    HandlerLoaded,
    ProcessExited,
    RuntimeInvocation,
    RuntimeSignal,
)

_EXIT_TIMEOUT_S = 2.0
"""How long a killed process may take to exit before its log is closed without it."""


@dataclass(frozen=True, slots=True)
class FunctionEvent:
    """The event and options of an invocation.

    `max_wait_s` bounds the wait for a slot, None is the pool's default. `sink` receives the
    chunks of a streamed response as they come. `trace_header` is that of the request
    or message that causes the invocation.
    """

    payload: bytes
    client_context: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    max_wait_s: float | None = None
    sink: Callable[[bytes], None] | None = None
    trace_header: str = ""


class Executor:
    """Runs events in execution environments. Any number of threads may call `run`."""

    def __init__(
        self,
        pool: EnvironmentPool,
        factory: ExecutionEnvironmentFactory,
        memory: MemoryMonitor,
        init_s: float = 10.0,
    ) -> None:
        """Give the init phase `init_s` seconds, as AWS does."""
        self._pool = pool
        self._factory = factory
        self._memory = memory
        self.init_s = init_s

    def run(self, function: RegisteredFunction, event: FunctionEvent) -> InvocationOutcome:
        """Run `event` and return its outcome.

        Raises TooManyRequestsException if no slot is free in time, ServiceException if the
        local cloud stops meanwhile, or cannot start a process or write its log, and
        RecursiveInvocationException for a loop.
        """
        if function.spec.recursive_loop == "Terminate":
            check_recursion(event.trace_header, function.spec.name)
        with self._pool.slot(function, event.max_wait_s) as slot:
            while True:
                try:
                    outcome = _Execution(self, function, event, slot).run()
                except OSError as error:
                    raise AwsError(
                        "ServiceException", f"{function.spec.name} cannot be run: {error}", 500
                    ) from error
                if self._pool.stopped:
                    raise stopping_error()
                if outcome is not None:
                    return outcome

    def start_environment(self, function: RegisteredFunction) -> ExecutionEnvironment:
        """Start an environment under the memory limit, which also applies while it loads."""
        if self._pool.stopped:
            raise stopping_error()
        environment = self._factory.start(function)
        self._memory.add(environment)
        return environment

    def watch_memory(self, environment: ExecutionEnvironment) -> None:
        """Apply the memory limit to a warm environment again."""
        self._memory.add(environment)

    def unwatch_memory(self, environment: ExecutionEnvironment) -> None:
        """Stop applying the memory limit, as the environment is idle or ends."""
        self._memory.remove(environment)


class _Execution:
    """One event in one environment, or in two if the first could not load its handler."""

    def __init__(
        self,
        executor: Executor,
        function: RegisteredFunction,
        event: FunctionEvent,
        slot: InvocationSlot,
    ) -> None:
        self._executor = executor
        self._function = function
        self._event = event
        self._slot = slot
        self._init_ms: float | None = None
        self._started_at: float
        self._invocation: RuntimeInvocation
        self._used: list[ExecutionEnvironment] = []

    def run(self) -> InvocationOutcome | None:
        """Return the outcome, or None if a warm environment exited before it took the event.

        One that was started for the event is not started again and again: its exit is the
        outcome. Whatever goes wrong here, such as a full disk, no environment is left behind.
        """
        try:
            return self._run()
        except BaseException:
            self._slot.environment = None
            for environment in self._used:
                self._executor.unwatch_memory(environment)
                environment.kill()
            raise

    def _run(self) -> InvocationOutcome | None:
        environment = self._slot.environment
        self._slot.environment = None
        is_warm = environment is not None
        if environment is None:
            environment, loaded = self._initialise()
        else:
            loaded = True
            self._used.append(environment)
            self._executor.watch_memory(environment)
        environment.log.begin_invocation()
        self._start_clock()
        failure: RuntimeSignal | None = None
        if not loaded:
            environment, failure = self._initialise_again(environment)
        environment.log.write_lines(
            *log_lines.start_lines(self._function.spec, self._event.request_id)
        )
        signal = failure or (self._run_in(environment) if self._time_left() > 0 else None)
        was_taken = self._invocation.taken.is_set()
        if isinstance(signal, ProcessExited) and is_warm and not was_taken:
            self._executor.unwatch_memory(environment)
            return None
        return self._finish(environment, signal)

    def _invocation_until(self, deadline: float) -> RuntimeInvocation:
        trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        chain = next_lineage(self._event.trace_header, self._function.spec.name)
        sampled = int(self._function.spec.tracing == "Active")
        return RuntimeInvocation(
            request_id=self._event.request_id,
            function_arn=self._function.arn,
            payload=self._event.payload,
            deadline_ms=int(deadline * 1000),
            trace_id=f"{trace};Parent={secrets.token_hex(8)};Sampled={sampled};Lineage={chain}",
            client_context=self._event.client_context,
            sink=self._event.sink,
        )

    def _start_clock(self) -> None:
        self._started_at = time.monotonic()
        self._invocation = self._invocation_until(time.time() + self._function.spec.timeout_s)

    def _time_left(self) -> float:
        return self._started_at + self._function.spec.timeout_s - time.monotonic()

    def _start_environment(self) -> ExecutionEnvironment:
        environment = self._executor.start_environment(self._function)
        self._used.append(environment)
        return environment

    def _initialise(self) -> tuple[ExecutionEnvironment, bool]:
        """Start an environment in the init phase, which has a time limit of its own."""
        started_at = time.monotonic()
        environment = self._start_environment()
        loaded = isinstance(environment.wait_for_signal(self._executor.init_s), HandlerLoaded)
        self._init_ms = (time.monotonic() - started_at) * 1000
        return environment, loaded

    def _initialise_again(
        self, failed: ExecutionEnvironment
    ) -> tuple[ExecutionEnvironment, RuntimeSignal | None]:
        """Load the handler again within the invocation's time, as AWS does after a failed init.

        https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
        """
        self._end(failed)
        failed.log.write_lines(
            *log_lines.init_failed_lines(self._function.spec, self._init_ms or 0.0)
        )
        self._init_ms = None
        environment = self._start_environment()
        signal = environment.wait_for_signal(self._time_left())
        return environment, None if isinstance(signal, HandlerLoaded) else signal

    def _run_in(self, environment: ExecutionEnvironment) -> RuntimeSignal | None:
        environment.invoke(self._invocation)
        return environment.wait_for_signal(self._time_left())

    def _finish(
        self, environment: ExecutionEnvironment, signal: RuntimeSignal | None
    ) -> InvocationOutcome:
        spec = self._function.spec
        outcome = outcome_from_signal(signal, self._invocation, spec.timeout_s)
        duration_ms = (time.monotonic() - self._started_at) * 1000
        if outcome.reusable:
            self._executor.unwatch_memory(environment)
        else:
            self._end(environment)
        metrics = InvocationMetrics(
            duration_ms, spec.memory_mb, environment.peak_rss, self._init_ms
        )
        notes = outcome.note.split("\n") if outcome.note else []
        end = log_lines.end_lines(spec, self._event.request_id, metrics, outcome.error_type)
        environment.log.write_lines(*notes, *end)
        self._slot.environment = environment if outcome.reusable else None
        return replace(outcome, log_tail=environment.log.tail())

    def _end(self, environment: ExecutionEnvironment) -> None:
        self._executor.unwatch_memory(environment)
        environment.kill()
        environment.wait_for_exit(_EXIT_TIMEOUT_S)
