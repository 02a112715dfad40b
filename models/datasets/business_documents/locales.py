"""Locales that documents are written in: their numbers, dates, names and currencies.

Numbers and dates are those of Unicode CLDR, https://cldr.unicode.org, as PyPI's babel writes them;
names and addresses are those of PyPI's Faker.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from faker import Faker

_NARROW_SPACE, _SPACE = "\u202f", "\xa0"


@dataclass(frozen=True, slots=True)
class DocumentLocale:
    """A locale. `currencies` are those that its people bill in, the likeliest first."""

    code: str
    currencies: tuple[str, ...]
    numeric_dates: tuple[str, ...]
    """CLDR patterns in digits, with a year of four."""

    @property
    def language(self) -> str:
        """Return its ISO 639-1 code."""
        return self.code.partition("_")[0]


_DOTS, _SLASHES = ("dd.MM.yyyy", "d.M.yyyy"), ("dd/MM/yyyy", "d/M/yyyy")
_DASHES = ("dd-MM-yyyy", "d-M-yyyy")
TRAINING = (
    DocumentLocale("en_US", ("USD",), ("MM/dd/yyyy", "M/d/yyyy")),
    DocumentLocale("en_GB", ("GBP", "EUR"), _SLASHES),
    DocumentLocale("de_DE", ("EUR",), _DOTS),
    DocumentLocale("fr_FR", ("EUR",), _SLASHES),
    DocumentLocale("es_ES", ("EUR",), _SLASHES),
    DocumentLocale("it_IT", ("EUR",), _SLASHES),
    DocumentLocale("nl_NL", ("EUR",), _DASHES),
    DocumentLocale("pt_BR", ("BRL", "USD"), _SLASHES),
)
HELD_OUT = (
    DocumentLocale("sv_SE", ("SEK", "EUR"), ("yyyy-MM-dd",)),
    DocumentLocale("de_CH", ("CHF",), _DOTS),
    DocumentLocale("en_IE", ("EUR",), _SLASHES),
    DocumentLocale("fr_CA", ("CAD",), ("yyyy-MM-dd",)),
    DocumentLocale("pt_PT", ("EUR",), _SLASHES),
    DocumentLocale("es_MX", ("MXN", "USD"), _SLASHES),
)
"""Locales of tests alone, beside those of training."""

SYMBOLS: Mapping[str, str] = {
    "EUR": "€",
    "USD": "$",
    "GBP": "£",
    "BRL": "R$",
    "SEK": "kr",
    "CHF": "CHF",
    "CAD": "$",
    "MXN": "$",
}


@cache
def _faker(code: str) -> Faker:
    return Faker(code, use_weighting=False)


def faker(locale: DocumentLocale, rng: random.Random) -> Faker:
    """Return the source of names of a locale, seeded by the generator's next number."""
    made = _faker(locale.code)
    made.seed_instance(rng.getrandbits(32))
    return made


@dataclass(frozen=True, slots=True)
class WritingStyle:
    """How a document writes its numbers and dates, everywhere alike.

    `symbol` is "before", "after", "code before", "code after" or "" for a bare number, `negative`
    "minus", "trailing" or "parentheses".
    """

    locale: DocumentLocale
    currency: str
    date_form: str
    grouped: bool
    symbol: str
    negative: str

    def date(self, day: date) -> str:
        """Return a date as text."""
        return windows(format_date(day, self.date_form, locale=self.locale.code))

    def number(self, amount: Decimal, digits: int = 2) -> str:
        """Return a number as text, without a currency."""
        pattern = ("#,##0" if self.grouped else "0") + ("." + "0" * digits if digits else "")
        text = format_decimal(abs(amount), pattern, locale=self.locale.code)
        if amount < 0:
            text = {
                "minus": f"-{text}",
                "trailing": f"{text}-",
                "parentheses": f"({text})",
            }[self.negative]
        return windows(text)

    def around(self) -> tuple[str, str]:
        """Return what stands before and after an amount of money."""
        sign = SYMBOLS[self.currency]
        return {
            "before": (sign if len(sign) < 3 and self.locale.language == "en" else sign + " ", ""),
            "after": ("", f" {sign}"),
            "code before": (f"{self.currency} ", ""),
            "code after": ("", f" {self.currency}"),
            "": ("", ""),
        }[self.symbol]


def writing_style(
    locale: DocumentLocale, rng: random.Random, *, negatives: Sequence[str] = ("minus",)
) -> WritingStyle:
    """Draw a style that people of a locale use."""
    forms = (*locale.numeric_dates, *locale.numeric_dates, "medium", "long", "yyyy-MM-dd")
    pattern = Locale.parse(locale.code).currency_formats["standard"].pattern
    usual = "before" if pattern.startswith("¤") else "after"
    return WritingStyle(
        locale=locale,
        currency=rng.choice((locale.currencies[0], *locale.currencies)),
        date_form=rng.choice(forms),
        grouped=rng.random() < 0.85,
        symbol=rng.choice((usual, usual, "", "", "code before", "code after")),
        negative=rng.choice(negatives),
    )


def windows(text: str) -> str:
    """Return a text in characters of Windows-1252."""
    even = text.replace(_NARROW_SPACE, _SPACE).replace("\u2212", "-")
    return even.encode("cp1252", "replace").decode("cp1252")
