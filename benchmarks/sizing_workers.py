"""Workers of a local cloud, watched from outside: what CPU time and memory each has taken.

A worker is a process of its own, as a sandbox of Lambda's is, so that both can be read off /proc.
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
    """What all workers of one function have taken: seconds of CPU since each began, and the most
    that one of them had resident, in MiB.
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
    """Looks at every worker below the process `cloud` twenty times a second."""

    cloud: int
    _seen: dict[tuple[int, float], _Seen] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until `stop`. One look more than a worker's last invocation needs to end is all
        that is missed of one that goes.
        """
        while not self._stop.wait(EVERY_S):
            self.look()

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()

    def look(self) -> None:
        """Note what each worker has taken until now."""
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
        """Return what was noted, by the function's name."""
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
    """Yield a watch on the workers of the process `cloud`."""
    watch = Watch(cloud)
    thread = threading.Thread(target=watch.run, name="sizing-watch")
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join()
