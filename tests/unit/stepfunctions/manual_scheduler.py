"""A schedule without threads, in which time passes only when a test lets it."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable

START = 1_700_000_000.0


class ManualScheduler:
    """Runs work in the order in which it was given, on the test's own thread."""

    def __init__(self, now: float = START) -> None:
        self._now = now
        self._work: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._stopped = False

    def now(self) -> float:
        return self._now

    def run_soon(self, work: Callable[[], None]) -> None:
        self._work.append(work)

    def run_blocking(self, work: Callable[[], None]) -> None:
        self._work.append(work)

    def run_at(self, due: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (due, next(self._numbers), work))

    def stop(self) -> None:
        self._work.clear()
        self._timers.clear()
        self._stopped = True

    def settle(self) -> None:
        """Run what there is to do now."""
        while self._work:
            self._work.popleft()()

    def step(self) -> bool:
        """Run one piece of work, letting time pass if there is none now; False if idle."""
        if not self._work:
            if not self._timers:
                return False
            due, _, work = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            self._work.append(work)
        self._work.popleft()()
        return True

    def advance(self, seconds: float) -> None:
        """Let time pass, and run what falls due in it."""
        end = self._now + seconds
        self.settle()
        while self._timers and self._timers[0][0] <= end:
            due, _, work = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            work()
            self.settle()
        self._now = end

    def run_while(self, going: Callable[[], bool], most: int = 100_000) -> None:
        """Run work and let time pass for as long as `going` says."""
        for _ in range(most):
            if not going() or not self.step():
                return
        raise AssertionError("it never ends")
