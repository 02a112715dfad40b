"""How one design writes labels and values: case, weight, size, and what stands between them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from models.datasets.business_documents.addresses import address_words
from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.form_designs import CHOICES, options
from models.datasets.business_documents.locales import windows
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import Run

_CASES = ("given", "given", "given", "given", "upper", "lower", "title")
_STYLES = ("", "", "", "B", "I")
_BLANKS = ("", "", "", "-", "n/a", "...")
_ADDRESSES = frozenset(("seller_address", "buyer_address"))
"""Concepts that documents have no word of their own for."""


@dataclass(frozen=True, slots=True)
class LabelledFact:
    """A label and its value, as pieces of text; a value that is not there has none."""

    label: tuple[Run, ...]
    value: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class LabelLook:
    """The look of a design's labels and values; sizes are shares of the text's size.

    Attributes:
        case: How letters of labels are written: as given, upper, lower, or title.
        label_style: Of the labels, `B` for bold or `I` for italic; `value_style` of the values.
        pitch: Distance of lines, in sizes.
        blank: What stands for a value that is not there.
        currency_in_label: Whether amounts are bare and their labels name the currency.
        inner: What stands between the label and the value in one line.
        ticks: What marks an answer that is chosen, and one that is not; ("", "") shows the first.
    """

    case: str
    label_style: str
    value_style: str
    label_size: float
    value_size: float
    colour: int
    pitch: float
    blank: str
    currency_in_label: bool
    inner: str
    ticks: tuple[str, str]

    @classmethod
    def drawn(cls, rng: random.Random) -> LabelLook:
        """Draw a look."""
        return cls(
            case=rng.choice(_CASES),
            label_style=rng.choice(_STYLES),
            value_style=rng.choice(("", "", "", "B")),
            label_size=rng.choice((0.7, 0.75, 0.85, 1.0, 1.0, 1.0)),
            value_size=rng.choice((1.0, 1.0, 1.0, 1.1, 0.95)),
            colour=rng.choice((0, 0, 60, 110)),
            pitch=rng.choice((1.25, 1.3, 1.4, 1.6, 1.9)),
            blank=rng.choice(_BLANKS),
            currency_in_label=rng.random() < 0.12,
            inner=rng.choice((":", ":", ":", "", " ", " :", " -", " =", ".:")),
            ticks=rng.choice((("", ""), ("[X]", "[ ]"), ("[x]", "[ ]"), ("(X)", "( )"))),
        )

    def cased(self, text: str) -> str:
        """Return a label's text in the design's case."""
        if self.case == "title":
            return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
        return {"upper": text.upper(), "lower": text.lower()}.get(self.case, text)

    def labelled(self, pen: Pen, concept: str) -> LabelledFact:
        """Return a concept's label and its value, blank where the document has none."""
        text = self.cased(label_of(pen, concept))
        label: tuple[Run, ...] = ((text, None),)
        if not pen.has(concept):
            return LabelledFact(label, ((self.blank, None),) if self.blank else ())
        if concept in CHOICES:
            return LabelledFact(label, self._answer(pen, concept))
        if self.currency_in_label and concepts()[concept].kind == "money":
            code = pen.facts.style.currency
            label = ((f"{text} (", None), (code, "currency"), (")", None))
            return LabelledFact(label, ((pen.facts.single[concept].raw, concept),))
        return LabelledFact(label, pen.value(concept))

    def _answer(self, pen: Pen, concept: str) -> tuple[Run, ...]:
        """Return what a question offers with a mark before what is chosen, or that alone."""
        offered = options(pen, concept)
        if self.ticks == ("", ""):
            return tuple((text, concept) for text, is_chosen in offered if is_chosen)
        pieces: list[Run] = []
        for text, is_chosen in offered:
            pieces += [
                (f"{self.ticks[0 if is_chosen else 1]} ", None),
                (text, concept if is_chosen else None),
                ("   ", None),
            ]
        return tuple(pieces[:-1])


def label_of(pen: Pen, concept: str) -> str:
    """Return what the document calls a concept; addresses and days of signing borrow a word."""
    if concept in _ADDRESSES:
        return windows(pen.rng.choice(address_words(pen.choice.language)["labels"]))
    return pen.label("signature_date" if concept == "signed_on" else concept)


def in_one_line(pieces: Sequence[Run]) -> tuple[Run, ...]:
    """Return pieces with commas for the ends of lines, as addresses are written in one line."""
    return tuple((text.replace("\n", ", "), mark) for text, mark in pieces)
