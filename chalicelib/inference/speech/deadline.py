"""A time by which speech has to be written down."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


class DeadlineExceeded(Exception):  # noqa: N818 - as gRPC calls it
    """Raised when work did not end by its deadline; what was done of it is lost."""


@dataclass(frozen=True, slots=True)
class SpeechDeadline:
    """The time `at` of a monotonic `clock`, in seconds."""

    at: float
    clock: Callable[[], float]

    def check(self) -> None:
        """Raise `DeadlineExceeded` if the time has come."""
        if self.clock() >= self.at:
            raise DeadlineExceeded


NO_DEADLINE = SpeechDeadline(math.inf, lambda: 0.0)
