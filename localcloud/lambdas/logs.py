"""What functions print: a file for each function, and on to CloudWatch Logs when there is one."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from localcloud.lambdas.environment import log_group

LogSink = Callable[[str, str, Sequence[tuple[int, str]]], None]
"""Called with a log group, a log stream and lines, each with its time in epoch milliseconds."""

TAIL_BYTES = 4096
FILE_BYTES = 5_000_000
"""How long a log file may grow before it is put aside, in bytes; a longer block stays whole."""
OLD_FILES = 2
_log = logging.getLogger(__name__)


class Logs:
    """All log files of the service, and the one thread that forwards their lines."""

    def __init__(self, folder: Path, sink: LogSink | None, *, file_bytes: int = FILE_BYTES) -> None:
        """Write below `folder`, `file_bytes` to a file; forward to `sink` once started."""
        self._folder = folder
        self._sink = sink
        self._file_bytes = file_bytes
        self._guard = threading.Lock()
        self._pending: queue.SimpleQueue[tuple[str, str, list[tuple[int, str]]] | None]
        self._pending = queue.SimpleQueue()
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Begin to forward."""
        if self._sink is not None:
            threading.Thread(target=self._forward, name="lambda-logs", daemon=True).start()

    def stop(self) -> None:
        """Forward what is pending, then end."""
        self._pending.put(None)

    def path(self, function: str) -> Path:
        """Return the log file of `function`; `.1` and `.2` behind its name are older ones."""
        return self._folder / f"{function}.log"

    def write(self, function: str, stream: str, texts: Sequence[str]) -> None:
        """Append `texts` to the function's file and queue them for the sink."""
        now = datetime.now(UTC)
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        block = "".join(f"{stamp} {stream[-8:]} {text}\n" for text in texts)
        self._append(self.path(function), block.encode())
        if self._sink is not None:
            moment = int(now.timestamp() * 1000)
            lines = [(moment, text) for text in texts]
            self._pending.put((log_group(function), stream, lines))

    def _append(self, path: Path, block: bytes) -> None:
        """Write to `path`; every worker comes through here, so none has a file open meanwhile."""
        with self._guard:
            with path.open("ab") as file:
                full = file.tell() > 0 and file.tell() + len(block) > self._file_bytes
                if not full:
                    file.write(block)
            if full:
                _put_aside(path)
                path.write_bytes(block)

    def _forward(self) -> None:
        assert self._sink is not None
        while (item := self._pending.get()) is not None:
            try:
                self._sink(*item)
            except Exception:  # noqa: BLE001 - a log that cannot be kept must not harm a function
                _log.exception("log lines of %s could not be forwarded", item[0])


def _put_aside(path: Path) -> None:
    """Make `path` the first of its old files; the oldest goes."""
    names = [path, *(path.with_name(f"{path.name}.{age}") for age in range(1, OLD_FILES + 1))]
    for newer, older in reversed(list(pairwise(names))):
        if newer.exists():
            newer.replace(older)


class WorkerLog:
    """The log stream of one worker, with the tail of its current invocation."""

    def __init__(self, logs: Logs, function: str, stream: str) -> None:
        """Write to `stream` of `function`."""
        self._logs = logs
        self._function = function
        self.stream = stream
        self._partial = b""
        self._tail: deque[bytes] = deque()
        self._guard = threading.Lock()

    def begin(self) -> None:
        """Forget the tail: a new invocation begins."""
        with self._guard:
            self._tail.clear()

    def feed(self, output: bytes) -> None:
        """Take raw output of the process; a `\\r` inside a line is AWS's newline in a record."""
        with self._guard:
            *whole, self._partial = (self._partial + output).split(b"\n")
            self._emit([line.decode("utf-8", "replace").replace("\r", "\n") for line in whole])

    def line(self, *texts: str) -> None:
        """Write lines of the platform's own, after whatever the process left unfinished."""
        with self._guard:
            rest, self._partial = self._partial, b""
            unfinished = [rest.decode("utf-8", "replace").replace("\r", "\n")] if rest else []
            self._emit([*unfinished, *texts])

    def tail(self) -> bytes:
        """Return the last 4 KB that the current invocation wrote."""
        with self._guard:
            return b"".join(self._tail)[-TAIL_BYTES:]

    def _emit(self, texts: list[str]) -> None:
        if not texts:
            return
        self._logs.write(self._function, self.stream, texts)
        self._tail.append("".join(f"{text}\n" for text in texts).encode()[-TAIL_BYTES:])
        while len(self._tail) > 1 and sum(map(len, self._tail)) - len(self._tail[0]) > TAIL_BYTES:
            self._tail.popleft()
