"""All readers: total on any text, exact in offsets, the same value found and read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.extraction.values.readers import value_reader
from chalicelib.extraction.values.reading_hints import ReadingHints, document_hints
from tests.unit.extraction.values.leaves import KINDS, leaf

READERS = {name: value_reader(leaf(name)) for name in KINDS}
HINTS = ReadingHints(language="en", region="US")
SAMPLES = (
    "1.234,50 €",
    "$1,234.50",
    "(5.00)",
    "12 kg",
    "19 %",
    "2025-03-04T14:30:00Z",
    "3. März 2025",
    "令和7年3月4日",
    "2:30 pm",
    "DE89 3704 0044 0532 0130 00",
    "ATU13585627",
    "+1 650-253-0000",
    "a@b.com",
    "www.foo.com/x",
    "☑ yes ☐ no",
    "each month",
    "INV-1234",
    "12,34,567",
    "\u0663\u066b\u0661",
)
PIECES = st.sampled_from(
    (*SAMPLES, " ", "\n", "🎉", "é", "\u0301", "\u200f", "|", "-", "x")
) | st.text(max_size=4)


@settings(max_examples=40)
@example("$1,234.5019 %")
@given(st.lists(PIECES, max_size=8).map("".join))
def test_what_is_found_lies_in_the_text_and_reads_the_same(text: str) -> None:
    for name, reader in READERS.items():
        end = 0
        for match in reader.find(text, HINTS):
            assert end <= match.start < match.end <= len(text), name
            assert 0 < match.quality <= 1, name
            written = text[match.start : match.end]
            assert written.strip() == written, (name, written)
            again = reader.read(written, HINTS)
            assert again is not None, (name, written)
            assert again.value == match.value, (name, written)
            end = match.end


@settings(max_examples=40)
@given(st.lists(PIECES, max_size=5).map("".join))
def test_reading_is_total_and_keeps_to_the_text(text: str) -> None:
    document_hints([text])
    for name, reader in READERS.items():
        match = reader.read(text, HINTS)
        if match is not None:
            assert 0 <= match.start < match.end <= len(text), name
            assert 0 < match.quality <= 1, name


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("piece", ["1", "1,1 ", "DE89 ", "A-"])
def test_long_lines_are_read_in_linear_time(name: str, piece: str) -> None:
    """A reader that takes the square of the time would not end within the test's time."""
    sum(1 for _ in READERS[name].find(piece * 2_500, HINTS))


def test_decimals_keep_their_digits_and_the_type_of_the_schema() -> None:
    as_number = READERS["money"].read("EUR 1.10", HINTS)
    as_text = value_reader(leaf("money", type="string")).read("EUR 1.10", HINTS)
    assert as_number is not None
    assert as_text is not None
    assert (str(as_number.value), as_number.currency) == ("1.10", "EUR")
    assert as_text.value == "1.10"
    assert READERS["integer"].read("5.0", HINTS).value == 5  # type: ignore[union-attr]
    assert READERS["integer"].read("5.5", HINTS) is None


def test_what_the_schema_forbids_is_no_value() -> None:
    positive = value_reader(leaf("money", minimum=0, maximum=100, multipleOf=0.01))
    found = [match.value for match in positive.find("-5.00 12.50 200.00 1.005", HINTS)]
    assert found == [Decimal("12.50")]
    short = value_reader(leaf("text", maxLength=3, pattern="^a"))
    assert short.read("abcd", HINTS) is None
    assert short.read("bc", HINTS) is None
    assert short.read(" ab ", HINTS) is not None
