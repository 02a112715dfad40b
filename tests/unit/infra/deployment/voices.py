"""A voice that keeps what was said, and answers what it was told to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from infra.deployment.console import Advance


@dataclass
class Heard:
    """What was said, line by line; rows of tables are joined by blanks."""

    yes: bool = True
    hangs_up: bool = False
    word: str = ""
    lines: list[str] = field(default_factory=list)
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def heading(self, text: str) -> None:
        self.lines.append(text)

    def line(self, text: str, style: str | None = None) -> None:
        self.lines.append(text)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self.lines += [" ".join(str(cell) for cell in row) for row in rows]

    def confirm(self, question: str) -> bool:
        self.lines.append(question)
        if self.hangs_up:
            raise EOFError
        return self.yes

    def typed(self, question: str) -> str:
        self.lines.append(question)
        return self.word

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Advance]:
        self.counted[what] = (0, total)

        def advance(count: int, now: str) -> None:
            self.counted[what] = (self.counted[what][0] + count, total)

        yield advance
