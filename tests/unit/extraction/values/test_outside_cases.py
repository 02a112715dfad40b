"""Values that others wrote: cases of libraries' own tests, and all forms that CLDR has.

The file holds every second price of price-parser's tests, which are of a random sample of shops
(BSD-3-Clause), numbers of python-stdnum's (LGPL-2.1-or-later), and dates that moment and date-fns
(MIT) wrote, in two forms of each of their locales. The bounds are a little below what was measured
when the readers were chosen: docs/decisions/0127 has the figures, beside those of libraries.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import phonenumbers
import pytest
from babel import Locale, localedata
from babel.numbers import format_currency, format_decimal, format_percent

from chalicelib.extraction.values.readers import value_reader
from chalicelib.extraction.values.reading_hints import ReadingHints, document_hints
from chalicelib.extraction.values.value_match import ScalarValue
from tests.unit.extraction.values.leaves import leaf

CASES = json.loads(Path(__file__).with_name("outside_cases.json").read_text(encoding="utf-8"))
LOCALES = [Locale.parse(name) for name in sorted(localedata.locale_identifiers())[::17]]
PLAIN = ReadingHints()


def hints_of(locale: str) -> ReadingHints:
    language, *others = locale.replace("_", "-").split("-")
    region = next((part.upper() for part in others if len(part) == 2), "")
    return document_hints([], language, region)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"), [("dates", 0.89, 0.01), ("numeric_dates", 0.95, 0.05)]
)
def test_dates_of_other_libraries(kind: str, right: float, wrong: float) -> None:
    reader = value_reader(leaf("date"))
    found = [
        (iso, [match.value for match in reader.find(text, hints_of(locale))])
        for locale, text, iso in CASES[kind]
    ]
    assert sum(values == [iso] for iso, values in found) >= right * len(found)
    assert sum(bool(values) and values != [iso] for iso, values in found) <= wrong * len(found)


def test_prices_of_shops() -> None:
    reader = value_reader(leaf("money"))
    read = []
    for text, _ in CASES["prices"]:
        matches = sorted(reader.find(text, PLAIN), key=lambda match: -match.quality)
        read.append(matches[0].value if matches else None)
    wanted = [None if amount is None else Decimal(amount) for _, amount in CASES["prices"]]
    right = sum(one == other for one, other in zip(read, wanted, strict=True))
    assert right >= 0.97 * len(wanted)


@pytest.mark.parametrize(("kind", "name"), [("iban", "ibans"), ("vat", "vat_numbers")])
def test_codes_of_the_registries(kind: str, name: str) -> None:
    reader = value_reader(leaf(kind))
    failed = []
    for written in CASES[name]:
        match = reader.read(written, PLAIN)
        text = f"No. {written}, page 3."
        found = [(each.value, each.valid) for each in reader.find(text, PLAIN)]
        if match is None or not match.valid or found != [(match.value, True)]:
            failed.append(written)
    assert len(failed) <= 0.03 * len(CASES[name]), failed


def test_phone_numbers_of_all_plans() -> None:
    reader = value_reader(leaf("phone"))
    wrong = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number(region)
        assert number is not None
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        for form in ("NATIONAL", "INTERNATIONAL"):
            written = phonenumbers.format_number(
                number, getattr(phonenumbers.PhoneNumberFormat, form)
            )
            match = reader.read(written, ReadingHints(region=region))
            if match is None or match.value != e164:
                wrong.append((region, written, match))
    assert len(wrong) <= 5, wrong


Form = Callable[[Decimal, Locale], str]


@pytest.mark.parametrize(
    ("kind", "write", "scale"),
    [
        ("number", lambda n, at: format_decimal(n, locale=at, decimal_quantization=False), 0),
        ("money", lambda n, at: format_currency(n, "EUR", locale=at, currency_digits=False), 0),
        ("percent", lambda n, at: format_percent(n, locale=at, decimal_quantization=False), 2),
    ],
)
def test_numbers_as_all_of_cldr_writes_them(kind: str, write: Form, scale: int) -> None:
    reader = value_reader(leaf(kind))
    wrong = []
    for locale in LOCALES:
        hints = hints_of(str(locale))
        for number in ("1234.56", "-987654.3", "12.5"):
            text = write(Decimal(number), locale)
            match = reader.read(text, hints)
            wanted: ScalarValue = Decimal(number).scaleb(scale)
            if match is None or match.value != wanted:
                wrong.append((str(locale), text, match))
    assert len(wrong) <= 0.02 * 3 * len(LOCALES), wrong
