"""Workers of a local cloud, observed from outside: the CPU time and memory of each.

A worker is a process of its own, as a sandbox of Lambda's is, so that both can be read from /proc.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.memory_peak import mebibytes

EVERY_S = 0.05
NAME = "AWS_LAMBDA_FUNCTION_NAME"


@dataclass(frozen=True, slots=True)
class Taken:
    """Usage of all workers of one function.

    It is the seconds of CPU since each began, and the largest resident memory of one of them, in
    MiB.
    """

    workers: int
    cpu_s: float
    peak_mib: float


@dataclass(slots=True)
class _Seen:
    function: str
    cpu_s: float = 0.0
    peak_mib: float = 0.0


@dataclass(slots=True)
class Watch:
    """Observer of every worker below the process `cloud`, twenty times a second."""

    cloud: int
    _seen: dict[tuple[int, float], _Seen] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Observe until `stop`.

        Of a worker that ends, only the time after the last look is missed.
        """
        while not self._stop.wait(EVERY_S):
            self.look()

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()

    def look(self) -> None:
        """Record the current usage of each worker."""
        for process in psutil.Process(self.cloud).children(recursive=True):
            with suppress(psutil.Error, OSError, ValueError):
                key = (process.pid, process.create_time())
                seen = self._seen.get(key)
                if seen is None:
                    function = process.environ().get(NAME)
                    if not function:
                        continue
                    seen = self._seen[key] = _Seen(function)
                times = process.cpu_times()
                seen.cpu_s = times.user + times.system
                status = Path(f"/proc/{process.pid}/status").read_text()
                seen.peak_mib = max(seen.peak_mib, mebibytes(status, "VmHWM"))

    def taken(self) -> Mapping[str, Taken]:
        """Return the recorded usage, by the function's name."""
        by_name: dict[str, list[_Seen]] = defaultdict(list)
        for seen in self._seen.values():
            by_name[seen.function].append(seen)
        return {
            name: Taken(
                len(all_), sum(each.cpu_s for each in all_), max(each.peak_mib for each in all_)
            )
            for name, all_ in by_name.items()
        }


@contextmanager
def watching(cloud: int) -> Iterator[Watch]:
    """Yield an observer of the workers of the process `cloud`."""
    watch = Watch(cloud)
    thread = threading.Thread(target=watch.run, name="sizing-watch")
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join()
