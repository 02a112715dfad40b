"""What tests of services share: a clock to move, waiting with a deadline, expected refusals."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from localcloud.errors import AwsError


@dataclass
class MovableClock:
    """A clock that stands until it is moved."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until what `condition` returns is true; fail when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def refused(code: str) -> pytest.RaisesExc[AwsError]:
    """Expect an AwsError with `code`."""
    return pytest.RaisesExc(AwsError, check=lambda error: error.code == code)
