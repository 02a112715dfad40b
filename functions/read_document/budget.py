"""The processor time and memory that reading one file may take."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from chalicelib.documents.bounded_work import WorkBudget

MEBIBYTE = 1024 * 1024
READING = "Reading the file"
"""The name of the work in messages about its budget."""

BASE_CPU_SECONDS = 30
CPU_SECONDS_PER_MEBIBYTE = 6
"""The slowest honest file measured, 60 MiB of paragraphs packed into a DOCX of 2.4, takes 6 s."""
MAX_CPU_SECONDS = 240
WALL_SECONDS = 270.0
"""The function has 300 s, some of which go into fetching the file and storing its pages."""
MAX_PART_CPU_SECONDS = 90
"""The state that reads a part waits 120 s for it, some of which go into fetching the file."""
HELD_BYTES = 512 * MEBIBYTE
"""Memory of the function itself, twice: a child may change all of it."""
MIN_MEMORY_BYTES = 256 * MEBIBYTE


class Budget(Protocol):
    """A function that returns what reading a file may use."""

    def __call__(self, size: int, memory_gb: float) -> WorkBudget:
        """Return the budget of a file of `size` bytes in a function that has `memory_gb` GiB."""


def read_budget(size: int, memory_gb: float) -> WorkBudget:
    """Return the budget of a file of `size` bytes in a function that has `memory_gb` GiB.

    It grows with the file, so that a small one cannot cost much.
    """
    seconds = BASE_CPU_SECONDS + CPU_SECONDS_PER_MEBIBYTE * size // MEBIBYTE
    memory = max(MIN_MEMORY_BYTES, int(memory_gb * 1024 * MEBIBYTE) - HELD_BYTES)
    return WorkBudget(min(MAX_CPU_SECONDS, seconds), memory, WALL_SECONDS)


def part_budget(whole: WorkBudget) -> WorkBudget:
    """Return what reading a part may use, of a file that may use `whole`.

    With more, the time of its state would end first, whose reason says that a retry may help.
    """
    return replace(whole, cpu_seconds=min(whole.cpu_seconds, MAX_PART_CPU_SECONDS))
