"""The names, signs and orders of Unicode CLDR that values are read by.

The table is written by `infra/locale_tables.py` and read once.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.extraction.values.characters import normal_word

ByLanguage = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LocaleTable:
    """Table of names, numbers and currencies by language and territory.

    Attributes:
        months: A name's month, or its months by language.
        fillers: Words that stand between the parts of a date.
        day_periods: Words for the halves of a day: 0 before noon, 1 after.
        decimal_marks: The decimal mark by language, and by language and territory.
        date_orders: The order of day, month and year, such as "dmy", by the same.
        currency_codes: The ISO 4217 codes in use.
        currency_signs: A sign's code, or its codes by language and locale; "" for the usual one.
        currency_names: A name's code, or its codes by language, as signs have them.
        currencies: The currency of each territory.
        territories: Where a language is official and common; where most live comes first.
        list_joins: The word between the last two of a list, such as “and”, by language.
    """

    months: Mapping[str, int | Mapping[str, int]]
    fillers: frozenset[str]
    day_periods: Mapping[str, int]
    decimal_marks: ByLanguage
    date_orders: ByLanguage
    currency_codes: frozenset[str]
    currency_signs: Mapping[str, str | ByLanguage]
    currency_names: Mapping[str, str | ByLanguage]
    currencies: Mapping[str, str]
    territories: Mapping[str, list[str]]
    list_joins: ByLanguage

    def month(self, word: str, language: str) -> tuple[int, bool]:
        """Return the month that a normal word names, 0 if none, and whether languages differ."""
        found = self.months.get(word, 0)
        if isinstance(found, int):
            return found, False
        if language in found:
            return found[language], False
        months = list(found.values())
        usual = max(sorted(set(months)), key=months.count)
        return usual, 2 * months.count(usual) <= len(months)

    def currency(self, sign: str, language: str, region: str) -> tuple[str, bool]:
        """Return the code that a sign, code or name stands for, "" if none, and if it is sure."""
        if sign in self.currency_codes:
            return sign, True
        found = self.currency_signs.get(sign) or self.currency_names.get(normal_word(sign), "")
        if isinstance(found, str):
            return found, True
        for key in (f"{language}_{region}", language):
            if language and key in found and (not region or key != language):
                return found[key], True
        own = self.currencies.get(region, "")
        if own and own in found.values():
            return own, True
        return found.get(language, found[""]), False


def by_locale(table: ByLanguage, language: str, region: str) -> str:
    """Return the entry of a language in a territory, else of the language, else ""."""
    return table.get(f"{language}_{region}") or table.get(language, "")


@functools.cache
def locale_table() -> LocaleTable:
    """Return the table that is shipped beside this module."""
    source = json.loads(Path(__file__).with_name("locale_table.json").read_text(encoding="utf-8"))
    for name in ("fillers", "currency_codes"):
        source[name] = frozenset(source[name])
    return LocaleTable(**source)
