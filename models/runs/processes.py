"""Run functions in processes that are forked with their imports already loaded.

The first call starts a server that imports some modules once; each process is forked from it, so
that it begins in milliseconds and with nothing of the others' in it. A training imports torch,
transformers, peft and the exporter otherwise, which takes longer than some trainings.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_LOG_END = 2000
"""Characters of a log's end that say why it failed."""

_context = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """The outcome of a function: exit code (0 for success), seconds, and the end of its log.

    `cpu` is its CPU time in seconds, which other programs of the machine hardly change. `note` is
    what has to be told of a success.
    """

    code: int
    seconds: float
    said: str
    cpu: float = 0.0
    note: str = ""


@dataclass(slots=True)
class ProcessPool:
    """Pool of functions in processes with groups of their own. Threads may share it."""

    imported: Sequence[str] = ()
    _running: set[BaseProcess] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: bool = False

    def run(
        self, function: Callable[..., int], given: Any, log: Path, longest: float
    ) -> ProcessResult:
        """Call `function(*given)`, which returns its exit code, with its output in `log`.

        After `longest` seconds its whole process group is killed, and it has failed.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        _context.set_forkserver_preload(list(self.imported))
        receiver, sender = _context.Pipe(duplex=False)
        process = _context.Process(target=_run_apart, args=(function, given, log, sender))
        began = time.monotonic()
        with self._lock:
            if self._ended:
                return ProcessResult(1, 0.0, "was not begun: all were ended")
            process.start()
            self._running.add(process)
        sender.close()
        process.join(longest)
        late = process.exitcode is None
        with self._lock:
            self._running.discard(process)
            kill(process)
        process.join()
        return _result(process, time.monotonic() - began, receiver, log, longest if late else None)

    def end(self) -> None:
        """Kill all running processes, and start no more."""
        with self._lock:
            self._ended = True
            for process in self._running:
                kill(process)


def kill(process: BaseProcess) -> None:
    """Kill a process and its whole group, which may outlive it."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has ended, or has not created its group yet
        process.kill()


def _run_apart(function: Callable[..., int], given: Any, log: Path, sender: Connection) -> None:
    os.setsid()
    gc.freeze()  # imported objects stay, so the collector need not scan them
    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    code = 1
    try:
        code = function(*given)
    except Exception:  # noqa: BLE001 - what is told of it is in the log
        traceback.print_exc()
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    sender.send(sum(each.ru_utime + each.ru_stime for each in used))
    sys.exit(code)


def _result(
    process: BaseProcess, seconds: float, receiver: Connection, log: Path, late: float | None
) -> ProcessResult:
    try:
        cpu = float(receiver.recv()) if receiver.poll() else 0.0
    except EOFError:
        cpu = 0.0
    receiver.close()
    if late is not None:
        return ProcessResult(1, seconds, f"took more than {late:g} s", cpu)
    said = log.read_text(encoding="utf-8", errors="replace")[-_LOG_END:] if log.is_file() else ""
    return ProcessResult(process.exitcode or 0, seconds, said, cpu)
