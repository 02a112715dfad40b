"""The memory limit: an environment whose processes together exceed it is killed, as on AWS."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import psutil

from localcloud.lambdas.execution_environment import ExecutionEnvironment
from localcloud.supervision import SupervisedThread

_MEGABYTE = 1024 * 1024
_INTERVAL_S = 0.1
_HAS_PROC = Path("/proc/self/statm").exists()
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _resident(pid: int) -> int:
    """Return the resident memory of a process in bytes. Raises OSError or psutil.Error.

    https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html
    """
    if _HAS_PROC:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    return int(psutil.Process(pid).memory_info().rss)


def _pids() -> list[int]:
    """Return the ids of all processes; psutil's own list takes longer than all that follows."""
    if _HAS_PROC:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return psutil.pids()


def resident_bytes(groups: Iterable[int]) -> dict[int, int]:
    """Return the resident memory of each process group in `groups`, in bytes."""
    wanted = frozenset(groups)
    totals: dict[int, int] = defaultdict(int)
    for pid in _pids():
        try:
            group = os.getpgid(pid)
            if group in wanted:
                totals[group] += _resident(pid)
        except (OSError, psutil.Error):
            continue  # it ended meanwhile, or is not ours
    return totals


class MemoryMonitor:
    """One thread that measures every busy environment ten times a second."""

    def __init__(self) -> None:
        """Begin with no environment."""
        self._watched: set[ExecutionEnvironment] = set()
        self._lock = threading.Lock()
        self._has_any = threading.Event()
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to measure."""
        SupervisedThread("lambda-memory", self._run).start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._has_any.set()

    def add(self, environment: ExecutionEnvironment) -> None:
        """Measure `environment` from now on."""
        with self._lock:
            self._watched.add(environment)
            self._has_any.set()

    def remove(self, environment: ExecutionEnvironment) -> None:
        """Measure the environment's own process once more, then no longer."""
        with contextlib.suppress(OSError, psutil.Error):
            rss = _resident(environment.process.pid)
            environment.peak_rss = max(environment.peak_rss, rss)
        with self._lock:
            self._watched.discard(environment)
            if not self._watched and not self._stop.is_set():
                self._has_any.clear()

    def kill_all(self) -> None:
        """Kill every busy environment, as the local cloud is stopping."""
        with self._lock:
            for environment in self._watched:
                environment.kill()

    def _run(self) -> None:
        while self._has_any.wait() and not self._stop.wait(_INTERVAL_S):
            with self._lock:
                environments = list(self._watched)
            self._measure(environments)

    def _measure(self, environments: list[ExecutionEnvironment]) -> None:
        totals = resident_bytes(environment.process.pid for environment in environments)
        for environment in environments:
            used = totals.get(environment.process.pid, 0)
            environment.peak_rss = max(environment.peak_rss, used)
            if used > environment.function.spec.memory_mb * _MEGABYTE:
                environment.kill()
