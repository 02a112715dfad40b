"""The memory limit: AWS kills a sandbox whose processes together exceed the function's memory."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterable

import psutil

from localcloud.lambdas.worker import Worker

_MEGABYTE = 1024 * 1024
_EVERY_S = 0.1


def resident_bytes(groups: Iterable[int]) -> dict[int, int]:
    """Return the resident memory of each process group in `groups`, in bytes."""
    wanted = frozenset(groups)
    totals: dict[int, int] = defaultdict(int)
    for pid in psutil.pids():
        try:
            group = os.getpgid(pid)
            if group in wanted:
                totals[group] += psutil.Process(pid).memory_info().rss
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue  # it ended meanwhile, or is not ours
    return totals


class MemoryWatch:
    """One thread that looks at every busy worker ten times a second."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._watched: set[Worker] = set()
        self._guard = threading.Lock()
        self._any = threading.Event()
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="lambda-memory", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._any.set()

    def add(self, worker: Worker) -> None:
        """Watch `worker` from now on."""
        with self._guard:
            self._watched.add(worker)
            self._any.set()

    def remove(self, worker: Worker) -> None:
        """Look at the worker's own process once more, then let it be."""
        with contextlib.suppress(psutil.Error):
            rss = psutil.Process(worker.process.pid).memory_info().rss
            worker.peak_rss = max(worker.peak_rss, rss)
        with self._guard:
            self._watched.discard(worker)
            if not self._watched and not self._stop.is_set():
                self._any.clear()

    def kill_all(self) -> None:
        """Kill every busy worker: the local cloud is stopping."""
        with self._guard:
            for worker in self._watched:
                worker.kill()

    def _run(self) -> None:
        while self._any.wait() and not self._stop.wait(_EVERY_S):
            with self._guard:
                workers = list(self._watched)
            self._measure(workers)

    def _measure(self, workers: list[Worker]) -> None:
        totals = resident_bytes(worker.process.pid for worker in workers)
        for worker in workers:
            used = totals.get(worker.process.pid, 0)
            worker.peak_rss = max(worker.peak_rss, used)
            if used > worker.function.spec.memory_mb * _MEGABYTE:
                worker.kill()
