"""SIGTERM, which SageMaker sends 120 seconds before it kills, and spot capacity before it goes.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

EXIT_CODE = 128 + signal.SIGTERM
"""143: what a process ends with that SIGTERM ended."""


class Stop:
    """Whether SIGTERM came. As a context it listens, and gives back what listened before."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Stop:
        self._before = signal.signal(signal.SIGTERM, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _take(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = True
