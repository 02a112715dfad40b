"""Schedule work: soon, on a thread that may block, or at a given time."""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

Work: TypeAlias = Callable[[], None]

_LOG = logging.getLogger(__name__)
_MOVERS = 4
_CALLERS = 64
_STOP_S = 2.0


class WorkScheduler(Protocol):
    """Runs work. The engine uses no other source of time or threads."""

    def now(self) -> float:
        """Return the time in epoch seconds."""

    def run_soon(self, work: Work) -> None:
        """Run short work as soon as a thread is free."""

    def run_blocking(self, work: Work) -> None:
        """Run work that may block for long on a thread of its own pool."""

    def run_at(self, due: float, work: Work) -> None:
        """Run short work at `due`, in epoch seconds, or soon if that has passed."""

    def stop(self) -> None:
        """Start no more work."""


@dataclass(order=True, slots=True)
class _Timer:
    due: float
    number: int
    work: Work = field(compare=False)


class ThreadedScheduler:
    """A `WorkScheduler` of daemon threads: four for short work, more on demand for calls."""

    def __init__(self, callers: int = _CALLERS) -> None:
        self._movers = _ThreadPool("stepfunctions-mover", _MOVERS)
        self._callers = _ThreadPool("stepfunctions-caller", callers)
        self._timers: list[_Timer] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._clock = threading.Thread(target=self._fire, name="stepfunctions-clock", daemon=True)
        self._clock.start()

    def now(self) -> float:
        """Return this machine's time."""
        return time.time()

    def run_soon(self, work: Work) -> None:
        """Run `work` on a thread for short work."""
        self._movers.submit(work)

    def run_blocking(self, work: Work) -> None:
        """Run `work` on a thread for blocking calls."""
        self._callers.submit(work)

    def run_at(self, due: float, work: Work) -> None:
        """Run `work` once the clock reaches `due`."""
        with self._changed:
            heapq.heappush(self._timers, _Timer(due, next(self._numbers), work))
            self._changed.notify()

    def stop(self) -> None:
        """End every thread after its present work; wait up to two seconds for that."""
        end = time.monotonic() + _STOP_S
        with self._changed:
            self._stopped = True
            self._changed.notify()
        for thread in (*self._movers.stop(), *self._callers.stop(), self._clock):
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - time.monotonic()))

    def _fire(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                left = self._timers[0].due - time.time() if self._timers else 3600.0
                if left > 0:
                    self._changed.wait(min(left, 3600.0))
                    continue
                timer = heapq.heappop(self._timers)
            self._movers.submit(timer.work)


class _ThreadPool:
    """Up to `size` daemon threads; a thread ends after 30 idle seconds."""

    _IDLE_S = 30.0

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._stopped = False

    def submit(self, work: Work) -> None:
        with self._guard:
            if self._stopped:
                return
            self._work.put(work)
            if not self._idle and len(self._threads) < self._size:
                self._grow()

    def stop(self) -> list[threading.Thread]:
        """Start no more work; return the threads that are still running."""
        with self._guard:
            self._stopped = True
            threads = list(self._threads)
        for _ in threads:
            self._work.put(None)
        return threads

    def _grow(self) -> None:
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._threads.add(thread)
        thread.start()

    def _next(self) -> Work | None:
        with self._guard:
            self._idle += 1
        try:
            return self._work.get(timeout=self._IDLE_S)
        except queue.Empty:
            return None
        finally:
            with self._guard:
                self._idle -= 1

    def _run(self) -> None:
        while (work := self._next()) is not None and not self._stopped:
            try:
                work()
            except Exception:  # noqa: BLE001 - one failed piece of work must not end the thread
                _LOG.exception("work of the state machine engine failed")
        with self._guard:
            self._threads.discard(threading.current_thread())
            if not self._stopped and not self._work.empty():
                self._grow()
