"""How a deployment speaks to whoever runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

Advance = Callable[[int, str], None]
"""Counts on by a number, and says what is done now."""


class Console(Protocol):
    """Says what happens, and asks."""

    def heading(self, text: str) -> None:
        """Begin a part."""

    def line(self, text: str, style: str | None = None) -> None:
        """Say one line; `style` is a colour or `bold`, `dim`."""

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Show a table."""

    def confirm(self, question: str) -> bool:
        """Ask for a yes."""

    def typed(self, question: str) -> str:
        """Ask for a word."""

    def counting(self, what: str, total: int) -> AbstractContextManager[Advance]:
        """Show progress to `total`, 0 where that is not known, while the block runs."""
