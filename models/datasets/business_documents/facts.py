"""The facts of a document before it is drawn: typed values, and the text each is written as."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from models.datasets.business_documents import checked_codes
from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.generated_document import JsonScalar
from models.datasets.business_documents.locales import WritingStyle, faker, windows
from models.datasets.business_documents.wordings import goods, phrases

CENT = Decimal("0.01")
_FIRST_DAY, _DAYS = date(2015, 1, 1), 365 * 11


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of a concept, and the text that a document writes for it."""

    concept: str
    value: JsonScalar
    raw: str


Row = Mapping[str, Fact]
"""A row of a list: facts by their concepts; a blank cell has none."""


@dataclass(slots=True)
class DocumentFacts:
    """The facts of one document: single ones, and the rows of its list."""

    style: WritingStyle
    rng: random.Random
    single: dict[str, Fact] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def put(self, concept: str, value: JsonScalar | Decimal | date) -> None:
        """Add a single fact."""
        self.single[concept] = self.fact(concept, value)

    def fact(self, concept: str, value: JsonScalar | Decimal | date) -> Fact:
        """Return a fact, written in the style of the document."""
        kind = concepts()[concept].kind
        if isinstance(value, date):
            return Fact(concept, value.isoformat(), self.style.date(value))
        if isinstance(value, Decimal):
            digits = 2 if kind == "money" else max(0, -int(value.normalize().as_tuple().exponent))
            raw = self.style.number(value, digits)
            return Fact(concept, plain_number(value), f"{raw} %" if kind == "percent" else raw)
        if isinstance(value, bool | int | float) or value is None:
            return Fact(concept, value, "" if value is None else str(value))
        text = windows(value)
        bare = text.replace(" ", "") if kind == "iban" else text.replace("\n", ", ")
        return Fact(concept, bare, text)

    def day(self, *, after: date | None = None, within: int = _DAYS) -> date:
        """Draw a day."""
        begin = _FIRST_DAY if after is None else after
        return begin + timedelta(days=self.rng.randrange(0 if after is None else 1, within + 1))

    def money(self, low: int, high: int) -> Decimal:
        """Draw an amount, more often a small one."""
        spread = (high / low) ** self.rng.random() * low
        cents = self.rng.choice((0, 0, 50, 90, 95, 99, self.rng.randrange(100)))
        return Decimal(int(spread)) + Decimal(cents) / 100

    def code(self, pattern: str) -> str:
        """Return a code: # stands for a digit, @ for a letter, ^ for a digit that is not 0."""
        letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
        drawn = {"#": "0123456789", "@": letters, "^": "123456789"}
        return "".join(self.rng.choice(drawn.get(each, each)) for each in pattern)

    def number_like(self, patterns: Sequence[str]) -> str:
        """Draw a code of one of several patterns."""
        return self.code(self.rng.choice(patterns))

    def phrase(self, purpose: str) -> str:
        """Draw a phrase of the document's language."""
        return windows(self.rng.choice(phrases(self.style.locale.language)[purpose]))

    def good(self) -> str:
        """Draw something that is sold, at times with a code or a colour of its own."""
        text = self.rng.choice(goods(self.style.locale.language))
        return windows(text if self.rng.random() < 0.7 else f"{text} ({self.code('@@-###')})")

    def company(self) -> str:
        """Draw the name of a company."""
        return windows(faker(self.style.locale, self.rng).company())

    def person(self) -> str:
        """Draw the name of a person."""
        source = faker(self.style.locale, self.rng)
        return windows(f"{source.first_name()} {source.last_name()}")

    def address(self) -> str:
        """Draw an address of two or three lines."""
        lines = faker(self.style.locale, self.rng).address().split("\n")
        return windows("\n".join(line.strip(" ,") for line in lines if line.strip()))

    def iban(self) -> str:
        """Draw an IBAN, in groups of four or in one piece."""
        bare = checked_codes.iban(self.style.locale.language, self.rng)
        if self.rng.random() < 0.4:
            return bare
        return " ".join(bare[at : at + 4] for at in range(0, len(bare), 4))

    def vat(self) -> str:
        """Draw a VAT number."""
        return checked_codes.vat(self.style.locale.language, self.rng)

    def email(self) -> str:
        """Draw an address of a mail box."""
        return windows(faker(self.style.locale, self.rng).company_email())

    def phone(self) -> str:
        """Draw a phone number as people of the locale write it, with their country or without."""
        region = self.style.locale.code.partition("_")[2]
        example = phonenumbers.example_number_for_type(region, PhoneNumberType.FIXED_LINE)
        if example is None or example.national_number is None:
            raise ValueError(f"No phone number of {region} is known.")
        forms = (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL)
        form = self.rng.choice(forms)
        last = self.rng.randrange(10_000)
        number = PhoneNumber(
            country_code=example.country_code,
            national_number=example.national_number // 10_000 * 10_000 + last,
            italian_leading_zero=example.italian_leading_zero,
        )
        return str(phonenumbers.format_number(number, form))


def plain_number(value: Decimal) -> int | float:
    """Return a number as JSON has it."""
    return int(value) if value == value.to_integral_value() else float(value)
