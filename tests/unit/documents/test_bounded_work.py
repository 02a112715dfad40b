"""Work in a child process: its result, its errors, and each limit that ends it."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from chalicelib.documents.bounded_work import MEBIBYTE, WorkBudget, run_bounded
from chalicelib.errors import HeadraceError, InvalidInput, Unsupported

BUDGET = WorkBudget(cpu_seconds=1, memory_bytes=64 * MEBIBYTE, wall_seconds=60.0)


class _Unpicklable(Exception):  # noqa: N818
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def _run(work: Callable[[], object], budget: WorkBudget = BUDGET) -> object:
    return run_bounded(work, budget, "Reading the file")


def _compute() -> None:
    while True:
        continue


def _crash(signal_number: int) -> None:
    """End as a library in C++ does; the test run's own report of it would only be noise."""
    faulthandler.disable()
    os.kill(os.getpid(), signal_number)


def _refuse() -> None:
    raise InvalidInput("Row 3 is cut off.", field="file", limit="7")


def _fail() -> None:
    raise _Unpicklable("no ", "sense")


def test_the_result_should_be_that_of_the_work_however_large() -> None:
    assert _run(lambda: {"text": "a" * 5_000_000}) == {"text": "a" * 5_000_000}


def test_what_the_work_changes_should_stay_on_disk_and_not_in_memory(tmp_path: Path) -> None:
    seen: list[int] = []

    def work() -> int:
        seen.append(1)
        (tmp_path / "member").write_bytes(b"bytes")
        return os.getpid()

    assert _run(work) != os.getpid()
    assert seen == []
    assert (tmp_path / "member").read_bytes() == b"bytes"


def test_an_error_of_the_work_should_be_raised_with_its_facts_and_its_trace() -> None:
    with pytest.raises(InvalidInput, match="Row 3 is cut off") as caught:
        _run(_refuse)
    assert (caught.value.field, caught.value.limit) == ("file", "7")
    assert "in _refuse" in caught.value.__notes__[0]


def test_an_error_that_cannot_be_sent_should_be_raised_as_its_trace() -> None:
    with pytest.raises(RuntimeError, match="_Unpicklable: no sense"):
        _run(_fail)


def test_a_result_that_cannot_be_sent_should_be_an_error() -> None:
    with pytest.raises(Exception, match="lambda"):
        _run(lambda: lambda: None)


@pytest.mark.parametrize(
    ("work", "limit"),
    [
        (_compute, "takes more than 1 s of processor time"),
        (lambda: bytearray(256 * MEBIBYTE), "takes more than 64 MiB of memory"),
        (lambda: _crash(signal.SIGSEGV), r"crash \(SIGSEGV\).* 64 MiB of memory"),
        (lambda: _crash(signal.SIGABRT), r"crash \(SIGABRT\).* 64 MiB of memory"),
    ],
)
def test_work_over_its_budget_should_be_ended_and_the_reason_should_name_the_limit(
    work: Callable[[], object], limit: str
) -> None:
    with pytest.raises(Unsupported, match=f"Reading the file .*{limit}") as caught:
        _run(work)
    assert caught.value.field == "file"
    assert "A retry will not help" in caught.value.message


def test_a_child_that_ends_for_no_reason_should_not_be_blamed_on_the_file() -> None:
    with pytest.raises(HeadraceError, match="ended without a result") as caught:
        _run(lambda: os._exit(3))
    assert type(caught.value) is HeadraceError


def test_work_that_waits_should_be_ended_too() -> None:
    budget = WorkBudget(cpu_seconds=1, memory_bytes=64 * MEBIBYTE, wall_seconds=0.2)
    with pytest.raises(Unsupported, match="more than 0 s"):
        _run(lambda: time.sleep(60), budget)


def test_no_child_and_no_descriptor_should_be_left() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    children = psutil.Process().children()
    for work in (_refuse, _compute, lambda: 1):
        try:
            _run(work)
        except (InvalidInput, Unsupported):
            continue
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert psutil.Process().children() == children
