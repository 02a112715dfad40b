"""What each kind of reader takes for a value, what it leaves, and how sure it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.value_tree import json_tree, json_value
from chalicelib.extraction.values.readers import value_reader
from chalicelib.extraction.values.reading_hints import ReadingHints, document_hints
from tests.unit.extraction.values.leaves import leaf

PLAIN = ReadingHints()


def found(name: str, text: str, hints: ReadingHints = PLAIN) -> list[tuple[str, str]]:
    return [
        (text[match.start : match.end], str(match.value))
        for match in value_reader(leaf(name)).find(text, hints)
    ]


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("money", "Total: -€9,001.48 19,721.03", ["-9001.48", "19721.03"]),
        ("money", "(1,234.50) 333,00- € USD-5.00 $5 USD", ["-1234.50", "-333.00", "-5.00", "5"]),
        ("money", "12.00 DR 12.00 CR", ["-12.00", "12.00"]),
        ("money", "合計12,000円です", ["12000"]),
        ("money", "INV12 A4 1.2.3.4 2025-03-04/7", ["2025", "3", "4", "7"]),
        (
            "number",
            "1'234.50 12,34,567.8 5kg x5 \u0663\u066b\u0661\u0664",
            ["1234.50", "1234567.8", "5", "3.14"],
        ),
        ("number", "10-20", ["10", "20"]),
        ("percent", "19 % 7.5 percent 5‰ of 12", ["19", "7.5", "0.5"]),
        ("date", "4 May 2025, 31/12/2025, 2025年3月4日, 令和元年5月1日", None),
        ("date", "may 5, sun, 3 of 10 12 2025, 1.2.3.4, 13/13/2025", []),
        ("date", "the 14\nfebbraio 2019, the 1/\n2/2020", ["2019-02-14"]),
        ("time", "9 a.m. 午後3時30分 25:00 1.30 14h05", ["09:00:00", "15:30:00", "14:05:00"]),
        ("date_time", "4 March 2025 at 2:30 PM", ["2025-03-04T14:30:00"]),
        ("iban", "DE89 3704 0044\n0532 0130 00 GB82 WEST 1234 5698 7654 32", None),
        ("boolean", "☐ yes ☑ no", ["False"]),
        ("boolean", "Newsletter: ja | Yes, we can", ["True"]),
        ("boolean", "[x] paid [ ] open", ["True", "False"]),
        ("enum", "☐ monthly ☑ Paid yearly", ["paid yearly"]),
        ("enum", "billed each month, bimonthly", ["monthly"]),
        ("currency", "5 EUR, 100 dollars, a dollar, US$ 3", ["EUR", "USD", "USD"]),
        ("identifier", "番号INV-1234です, a-b, #12", ["INV-1234", "12"]),
        ("pattern", "no. INV-1234, INV-12", ["INV-1234"]),
        ("url", "see www.foo.com/x.", ["https://www.foo.com/x"]),
    ],
)
def test_what_is_found(name: str, text: str, values: list[str] | None) -> None:
    read = [value for _, value in found(name, text)]
    if values is None:
        values = {
            "date": ["2025-05-04", "2025-12-31", "2025-03-04", "2019-05-01"],
            "iban": ["DE89370400440532013000", "GB82WEST12345698765432"],
        }[name]
    assert read == values


def test_offsets_are_those_of_characters_in_any_script() -> None:
    digits = "\u0661\u066c\u0662\u0663\u0664\u066b\u0665"
    text = f"🎉 e\u0301\u200f {digits} ريال"
    ((written, value),) = found("number", text)
    assert (written, value) == (digits, "1234.5")


def test_the_document_decides_on_marks_and_orders() -> None:
    number, day = value_reader(leaf("number")), value_reader(leaf("date"))
    german = document_hints(["Summe 1.234,50", "am 31.12.2025"], "en-US")
    american = document_hints(["sum 1,234.50 on 12/31/2025"], "de")
    for hints, value, iso in (
        (german, "1234", "2025-04-03"),
        (american, "1.234", "2025-03-04"),
        (document_hints([], "en-US"), "1.234", "2025-03-04"),
        (document_hints([], "de"), "1234", "2025-04-03"),
    ):
        amount, date = number.read("1.234", hints), day.read("03/04/2025", hints)
        assert amount is not None
        assert date is not None
        assert (str(amount.value), date.value) == (value, iso)
        assert not amount.ambiguous
        assert not date.ambiguous


def test_what_nothing_decides_is_ambiguous_and_less_sure() -> None:
    for name, text in (("number", "1.234"), ("date", "03/04/2025"), ("number", "12 345")):
        match = value_reader(leaf(name)).read(text, document_hints([], "en"))
        assert match is not None
        plain = name == "number" and text == "1.234"
        assert match.ambiguous is not plain
    assert value_reader(leaf("number")).read("1.234", PLAIN).quality < 0.7  # type: ignore[union-attr]


@pytest.mark.parametrize(("language", "month"), [("pl", "11"), ("hr", "10"), ("", "11")])
def test_a_month_that_languages_share_is_read_by_the_document(language: str, month: str) -> None:
    match = value_reader(leaf("date")).read("4 listopada 2025", document_hints([], language))
    assert match is not None
    assert match.value == f"2025-{month}-04"


def test_two_digit_years_end_where_the_document_says() -> None:
    reader = value_reader(leaf("date"))
    ends = (2030, 2020)
    years = [reader.read("4 May 26", ReadingHints(latest_year=year)) for year in ends]
    assert [year.value for year in years if year] == ["2026-05-04", "1926-05-04"]


def test_letters_are_digits_only_where_something_then_holds() -> None:
    assert value_reader(leaf("iban")).read("DE89 37O4 0044 0532 0130 00", PLAIN).valid  # type: ignore[union-attr]
    repaired = value_reader(leaf("number")).read("1,2l0.50", PLAIN)
    assert repaired is not None
    assert (repaired.value, repaired.quality) == (Decimal("1210.50"), 0.5)
    assert value_reader(leaf("number")).read("lO", PLAIN) is None
    assert value_reader(leaf("pattern")).read("INV-12O4", PLAIN).value == "INV-1204"  # type: ignore[union-attr]


def test_quantities_are_converted_or_refused() -> None:
    kilograms = value_reader(leaf("quantity", **{"x-unit": "kg"}))
    values = [str(match.value) for match in kilograms.find("500 g, 5 m, 3 lb, 2 kg", PLAIN)]
    assert values == ["0.5", "1.36077711", "2"]


def test_phone_numbers_take_the_plan_of_country_or_language() -> None:
    reader = value_reader(leaf("phone"))
    sure = reader.read("030 1234567", document_hints([], "de-DE"))
    guessed = reader.read("030 1234567", document_hints([], "de"))
    assert sure is not None
    assert guessed is not None
    assert sure.value == guessed.value == "+49301234567"
    assert guessed.quality < sure.quality
    assert reader.read("030 1234567", PLAIN) is None


def test_numbers_become_json_equal_and_texts_keep_all_digits() -> None:
    assert (json_value(Decimal("1.10")), json_value(Decimal("5.00"))) == (1.1, 5)
    assert json_value(Decimal("1E+2")) == 100
    written = "12345678901234567890.10"
    kept = Leaf(("sum",), "/sum", LeafKind.NUMBER, "string")
    found = value_reader(kept).read(written, PLAIN)
    assert found is not None
    assert json_value(found.value) == written
    assert json_tree({"a": [Decimal("1E+2"), None, "é"]}) == {"a": [100, None, "é"]}
