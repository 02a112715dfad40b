"""Logs of functions: a file for each, and optionally CloudWatch Logs."""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

from localcloud.lambdas.spec import LATEST

LogSink = Callable[[str, str, Sequence[tuple[int, str]]], None]
"""Called with a log group, a log stream and lines, each with its time in epoch milliseconds."""

TAIL_BYTES = 4096
FILE_BYTES = 5_000_000
"""The size in bytes at which a log file is rotated; a longer block is not split."""

OLD_FILES = 2
_log = logging.getLogger(__name__)


def log_group(function: str) -> str:
    """Return the default log group of a function."""
    return f"/aws/lambda/{function}"


def new_log_stream(day: date) -> str:
    """Return a unique log stream name for a new execution environment."""
    return f"{day:%Y/%m/%d}/[{LATEST}]{uuid.uuid4().hex}"


class FunctionLogs:
    """The log files of all functions, and the one thread that forwards their lines."""

    def __init__(self, folder: Path, sink: LogSink | None, *, file_bytes: int = FILE_BYTES) -> None:
        """Write below `folder`, `file_bytes` to a file; forward to `sink` once started."""
        self._folder = folder
        self._sink = sink
        self._file_bytes = file_bytes
        self._lock = threading.Lock()
        self._pending: queue.SimpleQueue[tuple[str, str, list[tuple[int, str]]] | None]
        self._pending = queue.SimpleQueue()
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Begin to forward lines to the sink."""
        if self._sink is not None:
            threading.Thread(target=self._forward, name="lambda-logs", daemon=True).start()

    def stop(self) -> None:
        """Forward what is pending, then end."""
        self._pending.put(None)

    def path(self, function: str) -> Path:
        """Return the log file of `function`; the suffixes `.1` and `.2` are older files."""
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
        """Append to `path`, and rotate it if it is full; what cannot be written is lost.

        All environments write through here, so none has a file open while it is rotated.
        """
        try:
            with self._lock:
                with path.open("ab") as file:
                    is_full = file.tell() > 0 and file.tell() + len(block) > self._file_bytes
                    if not is_full:
                        file.write(block)
                if is_full:
                    _rotate(path)
                    path.write_bytes(block)
        except OSError as error:  # a log that cannot be kept must not harm a function
            _log.warning("%d bytes of a log are lost: %s", len(block), error)

    def _forward(self) -> None:
        assert self._sink is not None
        while (item := self._pending.get()) is not None:
            try:
                self._sink(*item)
            except Exception:  # noqa: BLE001 - a log that cannot be kept must not harm a function
                _log.exception("log lines of %s could not be forwarded", item[0])


def _rotate(path: Path) -> None:
    """Rename `path` to the first of its old files; the oldest is overwritten."""
    names = [path, *(path.with_name(f"{path.name}.{age}") for age in range(1, OLD_FILES + 1))]
    for newer, older in reversed(list(pairwise(names))):
        if newer.exists():
            newer.replace(older)


class LogStream:
    """The log stream of one execution environment, with the tail of its current invocation."""

    def __init__(self, logs: FunctionLogs, function: str, name: str) -> None:
        """Write to the stream `name` of `function`."""
        self._logs = logs
        self._function = function
        self.name = name
        self._partial = b""
        self._tail: deque[bytes] = deque()
        self._lock = threading.Lock()

    def begin_invocation(self) -> None:
        """Clear the tail, as a new invocation begins."""
        with self._lock:
            self._tail.clear()

    def feed(self, output: bytes) -> None:
        """Log raw output of the process; AWS's runtime writes newlines in a record as `\\r`."""
        with self._lock:
            *lines, self._partial = (self._partial + output).split(b"\n")
            self._emit([line.decode("utf-8", "replace").replace("\r", "\n") for line in lines])

    def write_lines(self, *texts: str) -> None:
        """Log the platform's own lines, after a line that the process left unfinished."""
        with self._lock:
            rest, self._partial = self._partial, b""
            unfinished = [rest.decode("utf-8", "replace").replace("\r", "\n")] if rest else []
            self._emit([*unfinished, *texts])

    def tail(self) -> bytes:
        """Return the last 4 KB that the current invocation logged."""
        with self._lock:
            return b"".join(self._tail)[-TAIL_BYTES:]

    def _emit(self, texts: list[str]) -> None:
        if not texts:
            return
        self._logs.write(self._function, self.name, texts)
        self._tail.append("".join(f"{text}\n" for text in texts).encode()[-TAIL_BYTES:])
        while len(self._tail) > 1 and sum(map(len, self._tail)) - len(self._tail[0]) > TAIL_BYTES:
            self._tail.popleft()
