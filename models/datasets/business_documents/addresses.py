"""Postal addresses of two to six lines: streets and boxes, who is addressed, and the country.

Streets, towns and their order are Faker's for each locale; countries are named as Unicode CLDR
has them, https://cldr.unicode.org, by PyPI's babel.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from babel import Locale
from faker import Faker

from models.datasets.business_documents.facts import DocumentFacts
from models.datasets.business_documents.locales import DocumentLocale, faker, windows

_FILE = Path(__file__).parent / "words" / "addresses.json"
_SIDES = ("seller_address", "buyer_address")
DELIVERED = 0.6
"""Share of the invoices that name where the goods go."""
_BOXED, _INNER, _COUNTRY, _ATTENTION = 0.1, 0.2, 0.35, 0.25


@cache
def address_words(language: str) -> Mapping[str, Sequence[str]]:
    """Return what addresses are called in a language, and the words that stand in them."""
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(_FILE.read_text("utf-8"))
    return found[language]


def vary_addresses(facts: DocumentFacts, rng: random.Random) -> None:
    """Draw the addresses of a document anew, in more forms, and one of a delivery at times."""
    locale = facts.style.locale
    for name in _SIDES:
        if name in facts.single:
            facts.put(name, "\n".join(postal_lines(locale, rng)))
    if "order_number" in facts.single and rng.random() < DELIVERED:
        facts.put("delivery_address", "\n".join(addressed_lines(locale, rng)))


def postal_lines(locale: DocumentLocale, rng: random.Random) -> list[str]:
    """Return the lines of an address from the street, or the box, to the town or the country."""
    source, words = faker(locale, rng), address_words(locale.language)
    lines = [line.strip(" ,") for line in source.address().split("\n") if line.strip()]
    if rng.random() < _BOXED:
        lines = [f"{rng.choice(words['box'])} {source.random_int(10, 9_999)}", lines[-1]]
    elif rng.random() < _INNER:
        lines.insert(rng.choice((0, 1)), rng.choice(words["inner"]))
    if rng.random() < _COUNTRY:
        lines.append(_country(locale, rng))
    return [windows(line) for line in lines]


def addressed_lines(locale: DocumentLocale, rng: random.Random) -> list[str]:
    """Return the lines of an address with who is addressed: a company, a person, or both."""
    source, words = faker(locale, rng), address_words(locale.language)
    addressee = rng.choice(("company", "company", "person", "both", "none"))
    lines = []
    if addressee in ("company", "both"):
        lines.append(source.company())
    if addressee in ("person", "both"):
        lines.append(_person(source))
    if lines and rng.random() < _ATTENTION:
        lines.append(f"{rng.choice(words['attention'])} {_person(source)}")
    return [*map(windows, lines), *postal_lines(locale, rng)]


def _person(source: Faker) -> str:
    return f"{source.first_name()} {source.last_name()}"


def _country(locale: DocumentLocale, rng: random.Random) -> str:
    """Return the country's name in its own language or in English, in capitals at times."""
    region = locale.code.partition("_")[2]
    name: str = Locale(rng.choice((locale.language, locale.language, "en"))).territories[region]
    return name.upper() if rng.random() < 0.4 else name
