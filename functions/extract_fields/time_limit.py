"""A limit on the time that a piece of work in Python may take.

Lambda kills a function that is out of time, and nothing then says which document it was. So the
work is ended before, by an alarm of the operating system, which reaches only the main thread of a
process: that is where Lambda runs handlers.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.errors import QuotaExceeded

if TYPE_CHECKING:
    from types import FrameType


class _OutOfTime(BaseException):
    """Ends the work. No library that catches `Exception` takes it for an error of its own."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End the work of the block after `seconds`; raise `QuotaExceeded`."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _OutOfTime:
        raise QuotaExceeded(
            f"Reading took longer than the {seconds:.0f} seconds that a document may take. Ask for"
            " fewer fields, or split the document.",
            field="document_ids",
            limit=f"{seconds:.0f}",
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
