"""Work on an untrusted file in a child process, which is ended when it exceeds its budget.

A file of a few kilobytes can make a parser compute for minutes or allocate gigabytes. Limits on
what is in a file cannot foresee every such file; the kernel's limits on a process can. The child is
forked, so it has every module that is loaded already and starts in milliseconds. It must not use
clients of AWS or models that were loaded before: their connections and threads are the parent's.

setrlimit(2): https://man7.org/linux/man-pages/man2/setrlimit.2.html
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar, cast

from chalicelib.errors import HeadraceError, Unsupported

MEBIBYTE = 1024 * 1024
_BLOCK = 1024 * 1024
_STATUS = Path("/proc/self/status")
_OUT_OF_MEMORY = b"M"
_RESULT = b"R"
_FAILURE = b"F"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkBudget:
    """The most that one piece of work may use.

    `memory_bytes` counts what the child allocates beyond what its parent holds. It is enforced on
    Linux only, which is where Lambda functions run. `wall_seconds` also ends a child that waits
    instead of computing.
    """

    cpu_seconds: int
    memory_bytes: int
    wall_seconds: float


def run_bounded(work: Callable[[], T], budget: WorkBudget, name: str) -> T:
    """Return the result of `work`, done in a child process.

    Args:
        work: What to do. Its result and its errors must be picklable; what it changes in memory is
            lost, what it writes to disk stays.
        budget: What it may use.
        name: What it does, for the message, such as "Reading the file".

    Raises:
        Unsupported: it exceeded its budget, or crashed; the message says which.
        HeadraceError: the child ended without a result and without a reason.
        Exception: whatever `work` raised.
    """
    receiver, sender = os.pipe()
    child = _fork()
    if child == 0:
        os.close(receiver)
        _work_and_exit(work, budget, sender)
    os.close(sender)
    deadline = time.monotonic() + budget.wall_seconds
    message = None
    try:
        message = _receive(receiver, deadline)
    finally:
        os.close(receiver)
        if message is None:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if message is None:
        raise _too_costly(name, f"{budget.wall_seconds:.0f} s", f"{budget.wall_seconds:.0f}")
    if not message or os.WIFSIGNALED(status):
        raise _ended_early(name, budget, status)
    return cast("T", _opened(message, budget, name))


def _fork() -> int:
    """Fork, without Python's warning that other threads are not in the child: it needs none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _work_and_exit(work: Callable[[], object], budget: WorkBudget, sender: int) -> NoReturn:
    """Do the work, send its outcome, and end this process without the parent's exit handlers."""
    status = 1
    try:
        _limit(budget)
        _send(sender, _outcome(work))
        status = 0
    finally:
        os._exit(status)


def _outcome(work: Callable[[], object]) -> bytes:
    try:
        return _RESULT + pickle.dumps(work(), pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        return _OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        return _FAILURE + _pickled(error)


def _pickled(error: BaseException) -> bytes:
    trace = traceback.format_exc()
    error.add_note(trace)
    error.__cause__ = error.__context__ = None
    with suppress(Exception):
        pickled = pickle.dumps(error)
        pickle.loads(pickled)  # noqa: S301 - written in the line above
        return pickled
    return pickle.dumps(RuntimeError(trace))


def _limit(budget: WorkBudget) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_CPU, budget.cpu_seconds)
    if _STATUS.exists():
        _lower(resource.RLIMIT_DATA, _data_bytes() + budget.memory_bytes)


def _lower(limit: int, value: int) -> None:
    """Set a limit of this process to `value`, unless a stricter one holds already."""
    _, hard = resource.getrlimit(limit)
    if hard == resource.RLIM_INFINITY or hard > value:
        resource.setrlimit(limit, (value, value if limit == resource.RLIMIT_DATA else hard))


def _data_bytes() -> int:
    """Return the private bytes that this process holds already, as RLIMIT_DATA counts them."""
    return int(_STATUS.read_text().partition("VmData:")[2].split()[0]) * 1024


def _send(sender: int, message: bytes) -> None:
    view = memoryview(message)
    while view:
        view = view[os.write(sender, view[:_BLOCK]) :]


def _receive(receiver: int, deadline: float) -> bytes | None:
    """Return all that the child sends until it ends, or None once the deadline has passed."""
    blocks: list[bytes] = []
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([receiver], [], [], left)
        if not readable:
            break
        block = os.read(receiver, _BLOCK)
        if not block:
            return b"".join(blocks)
        blocks.append(block)
    return None


def _opened(message: bytes, budget: WorkBudget, name: str) -> object:
    kind, body = message[:1], message[1:]
    if kind == _OUT_OF_MEMORY:
        raise _memory_error(name, budget)
    value = pickle.loads(body)  # noqa: S301 - our own child wrote it
    if kind == _FAILURE:
        raise value
    return value


def _ended_early(name: str, budget: WorkBudget, status: int) -> HeadraceError:
    """Return the error of a child that ended without a result.

    A library written in C++ ends the process where Python raises `MemoryError`, and so does a fault
    of its own: which of them it was cannot be told.
    """
    if not os.WIFSIGNALED(status):
        return HeadraceError(f"{name} ended without a result, with status {status}.")
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        used = f"{budget.cpu_seconds} s of processor time"
        return _too_costly(name, used, str(budget.cpu_seconds))
    return Unsupported(
        f"{name} ended in a crash ({signal.Signals(number).name}): the file is damaged, or takes"
        f" more than the {budget.memory_bytes // MEBIBYTE:,} MiB of memory that are allowed. Save"
        " it again with the program that made it, or as a simpler format. A retry will not help.",
        field="file",
        limit=str(budget.memory_bytes),
    )


def _memory_error(name: str, budget: WorkBudget) -> Unsupported:
    used = f"{budget.memory_bytes // MEBIBYTE:,} MiB of memory"
    return _too_costly(name, used, str(budget.memory_bytes))


def _too_costly(name: str, used: str, limit: str) -> Unsupported:
    return Unsupported(
        f"{name} takes more than {used}, which is the limit. A file of this size does not need"
        " that much: save it again with the program that made it, or as a simpler format, or split"
        " it. A retry will not help.",
        field="file",
        limit=limit,
    )
