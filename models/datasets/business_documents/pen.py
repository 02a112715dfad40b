"""Pen of a design: draws facts on a sheet, by the names that the document gives them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.facts import DocumentFacts, Row
from models.datasets.business_documents.label_choice import LabelChoice
from models.datasets.business_documents.locales import windows
from models.datasets.business_documents.sheet import Run, Sheet
from models.datasets.business_documents.wordings import phrases

LIST = "rows"
"""How marks of cells begin: rows/0/amount."""


_NARROW = 300.0


class Pen:
    """Draws the facts of one document. `y` is where the next block begins."""

    def __init__(self, sheet: Sheet, facts: DocumentFacts, choice: LabelChoice) -> None:
        self.sheet = sheet
        self.facts = facts
        self.choice = choice
        self.rng: random.Random = facts.rng
        self.size = self.rng.choice((8.5, 9.0, 9.5, 10.0))
        self.left = float(self.rng.choice((36, 45, 56)))
        if sheet.width < _NARROW:
            self.size, self.left = 7.5, 12.0
        self.right = sheet.width - self.left
        self.bottom = sheet.height - 70
        self.y = float(self.rng.choice((36, 45, 56)))

    @property
    def width(self) -> float:
        """Return the room between the margins."""
        return self.right - self.left

    def label(self, concept: str) -> str:
        """Return what the document calls a concept."""
        return windows(self.choice.label(concept))

    def has(self, concept: str) -> bool:
        """Tell whether there is a fact of a concept."""
        return concept in self.facts.single

    def known(self, names: Sequence[str]) -> list[str]:
        """Return those of some concepts that there are facts of."""
        return [name for name in names if self.has(name)]

    def value(self, concept: str) -> tuple[Run, ...]:
        """Return a single fact as pieces of text, with its currency where it is money."""
        fact = self.facts.single[concept]
        return self._money(fact.raw, concept, concept)

    def cell(self, at: int, row: Row, concept: str, *, bare: bool) -> tuple[Run, ...]:
        """Return the cell of a row as pieces of text; () where it is blank."""
        if concept not in row:
            return ()
        mark = f"{LIST}/{at}/{concept}"
        raw = row[concept].raw
        return ((raw, mark),) if bare else self._money(raw, mark, concept)

    def _money(self, raw: str, mark: str, concept: str) -> tuple[Run, ...]:
        if concepts()[concept].kind != "money":
            return ((raw, mark),)
        before, after = self.facts.style.around()
        if before and raw[0] in "-(":
            return ((raw[0] + before.strip() + raw[1:], mark), *_currency(after))
        return (*_currency(before), (raw, mark), *_currency(after))

    def note(self) -> str:
        """Return a sentence with a date, an amount or a number that nobody asks for."""
        sentence = self.rng.choice(phrases(self.choice.language)["notes"])
        style = self.facts.style
        return windows(
            sentence.format(
                date=style.date(self.facts.day()),
                amount=style.number(self.facts.money(50, 2_000)),
                number=self.facts.number_like(("^####", "@@-####")),
            )
        )

    def title(self, concept: str, size: float) -> None:
        """Write a heading and go below it."""
        self.sheet.write(self.left, self.y, self.label(concept), size=size, style="B")
        self.y += 1.5 * size


def _currency(text: str) -> tuple[Run, ...]:
    if not text:
        return ()
    sign = text.strip()
    lead, _, tail = text.partition(sign)
    return tuple(each for each in ((lead, None), (sign, "currency"), (tail, None)) if each[0])
