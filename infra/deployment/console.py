"""Output and questions of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

Advance = Callable[[int, str], None]
"""Counts on by a number, and says what is done now."""


class Console(Protocol):
    """Writer of progress and asker of questions."""

    def heading(self, text: str) -> None:
        """Print a heading."""

    def line(self, text: str, style: str | None = None) -> None:
        """Print one line; `style` is a colour or `bold`, `dim`."""

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table."""

    def confirm(self, question: str) -> bool:
        """Ask for a yes or no."""

    def typed(self, question: str) -> str:
        """Ask for a word."""

    def counting(self, what: str, total: int) -> AbstractContextManager[Advance]:
        """Show progress up to `total` (0 if unknown) while the block runs."""
