"""From an event to an outcome: take a seat, load the handler, run it, judge the end."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from localcloud.lambdas import platformlog
from localcloud.lambdas.memory import MemoryWatch
from localcloud.lambdas.outcome import Measures, Outcome, outcome_of
from localcloud.lambdas.pool import Pool, Seat, stopping
from localcloud.lambdas.registry import Registered
from localcloud.lambdas.runtime_api import Exited, Invocation, Ready, Signal
from localcloud.lambdas.worker import Worker, WorkerFactory

_LAST_WORDS_S = 2.0
"""How long a killed process may take to vanish before its log is closed without it."""


@dataclass(frozen=True, slots=True)
class Event:
    """What to invoke a function with."""

    payload: bytes
    client_context: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    patience_s: float | None = None
    sink: Callable[[bytes], None] | None = None
    """Takes the chunks of a streamed response as they come."""


class Executor:
    """Runs events on workers. Its `run` may be called from any number of threads."""

    def __init__(
        self, pool: Pool, factory: WorkerFactory, memory: MemoryWatch, init_s: float = 10.0
    ) -> None:
        """Give the init phase `init_s` seconds, as AWS does."""
        self._pool = pool
        self._factory = factory
        self._memory = memory
        self._init_s = init_s

    def run(self, function: Registered, event: Event) -> Outcome:
        """Run `event` and return how it ended.

        Raises TooManyRequestsException when no seat is free in time, and ServiceException
        when the local cloud stops meanwhile.
        """
        with self._pool.seat(function, event.patience_s) as seat:
            while True:
                outcome = _Run(self, function, event, seat).outcome()
                if self._pool.stopped:
                    raise stopping()
                if outcome is not None:
                    return outcome

    def start_worker(self, function: Registered) -> Worker:
        """Start a worker under the memory limit, which also counts while it loads."""
        if self._pool.stopped:
            raise stopping()
        worker = self._factory.start(function)
        self._memory.add(worker)
        return worker

    def resume_worker(self, worker: Worker) -> None:
        """Put a warm worker back under the memory limit."""
        self._memory.add(worker)

    def rest_worker(self, worker: Worker) -> None:
        """Let an idle worker be."""
        self._memory.remove(worker)

    @property
    def init_s(self) -> float:
        """How long the init phase may take, in seconds."""
        return self._init_s


class _Run:
    """One event on one worker, or on two when the first could not load its handler."""

    def __init__(self, executor: Executor, function: Registered, event: Event, seat: Seat) -> None:
        self._executor = executor
        self._function = function
        self._event = event
        self._seat = seat
        self._init_ms: float | None = None
        self._began: float
        self._invocation: Invocation

    def outcome(self) -> Outcome | None:
        """Return the outcome, or None when the worker died before it took the event."""
        worker = self._seat.worker
        self._seat.worker = None
        if worker is None:
            worker, loaded = self._initialise()
        else:
            loaded = True
            self._executor.resume_worker(worker)
        worker.log.begin()
        self._begin_clock()
        failure: Signal | None = None
        if not loaded:
            worker, failure = self._initialise_again(worker)
        worker.log.line(*platformlog.start(self._function.spec, self._event.request_id))
        ended = failure or (self._run_on(worker) if self._time_left() > 0 else None)
        if isinstance(ended, Exited) and failure is None and not self._invocation.taken.is_set():
            self._executor.rest_worker(worker)
            return None
        return self._close(worker, ended)

    def _invocation_until(self, deadline: float) -> Invocation:
        trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        sampled = int(self._function.spec.tracing == "Active")
        return Invocation(
            request_id=self._event.request_id,
            function_arn=self._function.arn,
            payload=self._event.payload,
            deadline_ms=int(deadline * 1000),
            trace_id=f"{trace};Parent={secrets.token_hex(8)};Sampled={sampled}",
            client_context=self._event.client_context,
            sink=self._event.sink,
        )

    def _begin_clock(self) -> None:
        self._began = time.monotonic()
        self._invocation = self._invocation_until(time.time() + self._function.spec.timeout_s)

    def _time_left(self) -> float:
        return self._began + self._function.spec.timeout_s - time.monotonic()

    def _initialise(self) -> tuple[Worker, bool]:
        """Start a worker in the init phase, which has its own ten seconds."""
        began = time.monotonic()
        worker = self._executor.start_worker(self._function)
        loaded = isinstance(worker.signal(self._executor.init_s), Ready)
        self._init_ms = (time.monotonic() - began) * 1000
        return worker, loaded

    def _initialise_again(self, failed: Worker) -> tuple[Worker, Signal | None]:
        """Load the handler anew within the invocation's time, as AWS does after a failed init.

        https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
        """
        self._end(failed)
        failed.log.line(*platformlog.init_failed(self._function.spec, self._init_ms or 0.0))
        self._init_ms = None
        worker = self._executor.start_worker(self._function)
        signal = worker.signal(self._time_left())
        return worker, None if isinstance(signal, Ready) else signal

    def _run_on(self, worker: Worker) -> Signal | None:
        worker.run(self._invocation)
        return worker.signal(self._time_left())

    def _close(self, worker: Worker, ended: Signal | None) -> Outcome:
        outcome = outcome_of(ended, self._invocation, self._function.spec.timeout_s)
        duration_ms = (time.monotonic() - self._began) * 1000
        if outcome.reusable:
            self._executor.rest_worker(worker)
        else:
            self._end(worker)
        measures = Measures(
            duration_ms, self._function.spec.memory_mb, worker.peak_rss, self._init_ms
        )
        notes = outcome.note.split("\n") if outcome.note else []
        worker.log.line(
            *notes,
            *platformlog.end(
                self._function.spec, self._event.request_id, measures, outcome.error_type
            ),
        )
        self._seat.worker = worker if outcome.reusable else None
        return replace(outcome, log_tail=worker.log.tail())

    def _end(self, worker: Worker) -> None:
        self._executor.rest_worker(worker)
        worker.kill()
        worker.await_end(_LAST_WORDS_S)
