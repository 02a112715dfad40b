"""What one rendering may use: steps, characters, and time by a clock that is passed in.

Steps and characters are counted, so that the same template with the same values always ends the
same way. The time is for what no count foresees.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.errors import InvalidInput

MAX_STEPS = 20_000
"""Rounds of loops, uses of filters, and arithmetic, all together."""
MAX_COPIED = 8 * 2**20
"""Characters that filters and slices make on the way."""
MAX_WRITTEN = 500_000
"""Characters of what is rendered: some 125,000 tokens of English, which few models read."""
MAX_SECONDS = 5.0


@dataclass(slots=True)
class Budget:
    """What is left for one rendering; each use raises `InvalidInput` for more than there is."""

    steps: int = MAX_STEPS
    copied: int = MAX_COPIED
    written: int = MAX_WRITTEN
    clock: Callable[[], float] = time.monotonic
    until: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin to count the time."""
        self.until = self.clock() + MAX_SECONDS

    def step(self) -> None:
        """Use one step, and look at the clock."""
        self.steps -= 1
        if self.steps < 0:
            raise InvalidInput(
                f"a template takes at most {MAX_STEPS} steps; loop over less", limit=str(MAX_STEPS)
            )
        if self.clock() > self.until:
            raise InvalidInput(
                f"a template takes at most {MAX_SECONDS:g} s", limit=f"{MAX_SECONDS:g}"
            )

    def copy(self, characters: int) -> None:
        """Account for characters that are made on the way."""
        self.copied -= characters
        if self.copied < 0:
            raise InvalidInput(
                f"a template makes at most {MAX_COPIED} characters on the way",
                limit=str(MAX_COPIED),
            )

    def write(self, characters: int) -> None:
        """Account for characters of the result."""
        self.written -= characters
        if self.written < 0:
            raise InvalidInput(
                f"what is rendered has at most {MAX_WRITTEN} characters", limit=str(MAX_WRITTEN)
            )
