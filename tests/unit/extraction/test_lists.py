"""Lists of documents: their rows, a second count, and the places where both differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.extraction.label_similarity import LabelLikeness
from chalicelib.extraction.layout.document_layout import DocumentLayout
from chalicelib.extraction.leaves import Leaf, LeafKind, ListField
from chalicelib.extraction.list_choice import MAX_TOTALS, chosen_reading
from chalicelib.extraction.lists import ListReading, read_list
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ScalarValue, ValueMatch
from tests.unit.extraction.pages import DrawnPage, drawn_layout, written_layout

LEFTS = [40, 120, -420, -520]
HEADER = ["Date", "Details", "Amount", "Balance"]


@dataclass(frozen=True)
class PatternReader:
    """Reads values by a pattern."""

    kind: LeafKind
    pattern: str

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield what matches."""
        for found in re.finditer(self.pattern, text):
            yield ValueMatch(*found.span(), self._value(found.group()))

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the text if it matches."""
        if re.fullmatch(self.pattern, text):
            return ValueMatch(0, len(text), self._value(text))
        return None

    def _value(self, text: str) -> ScalarValue:
        if self.kind is LeafKind.MONEY:
            return Decimal(text.replace(",", ""))
        if self.kind is LeafKind.INTEGER:
            return int(text)
        return text


class SameWord:
    """Compares by whole words."""

    def likeness(self, names: tuple[str, ...], label: str) -> LabelLikeness:
        """Return that they are equal if a name is the label."""
        same = float(label.casefold() in names)
        return LabelLikeness(same, same, same, same, same, same)


def column(name: str, kind: LeafKind) -> Leaf:
    """Return a column of a list."""
    return Leaf((name,), f"/{name}", kind, "string", (name,))


COLUMNS = (
    column("details", LeafKind.TEXT),
    column("amount", LeafKind.MONEY),
    column("date", LeafKind.DATE),
)
PATTERNS = {
    LeafKind.TEXT: r".+",
    LeafKind.MONEY: r"-?[\d,]+\.\d\d",
    LeafKind.DATE: r"\d\d\.\d\d\.\d{4}",
    LeafKind.NUMBER: r"\d+",
    LeafKind.INTEGER: r"\d+",
}


def read(layout: DocumentLayout, columns: Sequence[Leaf] = COLUMNS) -> ListReading:
    """Return the list of transactions that a layout shows."""
    of = ListField(("transactions",), "/transactions", ("transactions",), tuple(columns))
    readers = [PatternReader(leaf.kind, PATTERNS[leaf.kind]) for leaf in columns]
    return read_list(of, layout, readers, SameWord(), ReadingHints())


def rows_of(count: int) -> list[list[str]]:
    """Return rows of a statement with its balance."""
    balance = Decimal(100)
    rows = []
    for n in range(count):
        amount = Decimal(n % 89 + 1) + Decimal("0.37")
        balance += amount
        date = f"{n % 28 + 1:02}.{n // 28 % 12 + 1:02}.2025"
        rows.append([date, f"Coffee number {n}", f"{amount:,}", f"{balance:,}"])
    return rows


def statement(rows: Sequence[Sequence[str]], per_page: int, *, carried: bool) -> list[DrawnPage]:
    """Return pages with a header on the first, and carried balances if wanted."""
    pages = []
    for start in range(0, len(rows), per_page):
        part = [list(row) for row in rows[start : start + per_page]]
        if carried:
            before = rows[start - 1][3] if start else "100.00"
            part = [["", "Brought forward", "", before], *part]
            part.append(["", "Carried forward", "", part[-1][3]])
        if start == 0:
            part.insert(0, HEADER)
        page = DrawnPage()
        page.put(40, 20, "Bank of Graz")
        for n, row in enumerate(part):
            page.row(50 + 12 * n, row, LEFTS)
        page.put(280, 820, f"Page {start // per_page + 1}")
        pages.append(page)
    return pages


def texts(reading: ListReading) -> list[list[str]]:
    """Return the texts of the cells of rows."""
    return [[cell.text if cell else "" for cell in row] for row in reading.rows]


def test_every_row_of_a_long_statement_is_read_once_and_counted_again() -> None:
    rows = rows_of(1_001)
    for carried in (False, True):
        reading = read(drawn_layout(statement(rows, 50, carried=carried)))
        assert texts(reading) == [[row[1], row[2], row[0]] for row in rows]
        assert (reading.counted, reading.complete, reading.differences) == (1_001, True, ())
        assert reading.titles == ("Details", "Amount", "Date")


def test_a_total_is_no_row_although_it_fills_the_columns() -> None:
    page = DrawnPage()
    amounts = ["12.10", "3.25", "4.50"]
    cells = [["Item", "Amount"], *([f"Lamp {a}", a] for a in amounts), ["All of it", "19.85"]]
    for n, row in enumerate(cells):
        page.row(60 + 14 * n, row, [40, -300])
    columns = (column("item", LeafKind.TEXT), column("amount", LeafKind.MONEY))
    reading = read(drawn_layout([page]), columns)
    assert [row[1] for row in texts(reading)] == amounts
    assert reading.complete


def test_a_number_that_stands_in_no_row_is_a_difference_with_its_page() -> None:
    pages = statement(rows_of(100), 50, carried=False)
    pages[1].put(420, 50 + 12 * 20.5, "77.00", right=True)
    reading = read(drawn_layout(pages))
    assert not reading.complete
    assert {difference.page for difference in reading.differences} == {2}


def test_numbers_of_rows_that_are_missing_are_named() -> None:
    page = DrawnPage()
    numbers = [1, 2, 3, 4, 5, *range(8, 40)]
    for n, cells in enumerate([["No", "Item"], *([str(each), f"Lamp {each}"] for each in numbers)]):
        page.row(60 + 14 * n, cells, [-60, 90])
    columns = (column("no", LeafKind.NUMBER), column("item", LeafKind.TEXT))
    reading = read(drawn_layout([page]), columns)
    assert len(reading.rows) == len(numbers)
    (difference,) = reading.differences
    assert difference.reason == "The rows between number 5 and 8 are missing."


def test_rows_without_boxes_are_read_and_counted_from_the_text() -> None:
    head = "| Date | Details | Amount |\n| - | - | - |\n"
    rows = rows_of(120)
    body = [f"| {date} | {details} | {amount} |" for date, details, amount, _ in rows]
    texts_of_pages = [head + "\n".join(body[:70]) + f"\n\n{head}" + "\n".join(body[70:100])]
    texts_of_pages.append(head + "\n".join(body[100:]))
    reading = read(written_layout(*texts_of_pages))
    assert texts(reading) == [[row[1], row[2], row[0]] for row in rows]
    assert (reading.counted, reading.complete) == (120, True)


def test_a_last_row_alone_on_its_page_is_not_lost() -> None:
    rows = rows_of(101)
    reading = read(drawn_layout(statement(rows, 50, carried=False)))
    assert texts(reading)[-1] == [rows[-1][1], rows[-1][2], rows[-1][0]]
    assert (reading.counted, reading.complete) == (101, True)


def test_sums_of_a_part_are_no_rows_if_many_columns_say_so() -> None:
    parts = [
        [[f"Town {n}", str(n * 71), str(n * 39), str(n * 110)] for n in range(first, first + 4)]
        for first in (1, 5)
    ]
    rows: list[list[str]] = [["Town", "Women", "Men", "People"]]
    everything = [0, 0, 0]
    for part in parts:
        sums = [sum(int(row[at]) for row in part) for at in (1, 2, 3)]
        everything = [one + other for one, other in zip(everything, sums, strict=True)]
        rows += [*part, ["All", *map(str, sums)]]
    rows.append(["All of all", *map(str, everything)])
    text = "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["-"] * 4, *rows[1:]])
    names = ("town", "women", "men", "people")
    kinds = (LeafKind.TEXT, *(LeafKind.INTEGER,) * 3)
    reading = read(written_layout(text), [*map(column, names, kinds)])
    assert texts(reading) == [row for part in parts for row in part]
    assert reading.counted == 8


def test_a_list_is_the_table_of_its_titles_and_not_a_longer_one() -> None:
    head = "| {} | Details | {} |\n| - | - | - |\n"
    rows = [f"| {date} | {text} | {amount} |" for date, text, amount, _ in rows_of(250)]
    short = head.format("Date", "Amount") + "\n".join(rows[:40])
    long = head.format("Vessel", "Tons") + "\n".join(rows[40:])
    reading = read(written_layout(short, long))
    assert (len(reading.rows), reading.titles) == (40, ("Details", "Amount", "Date"))


def test_a_document_without_the_list_has_no_rows() -> None:
    page = DrawnPage()
    page.put(40, 60, "Nothing is listed here.")
    reading = read(drawn_layout([page]))
    assert (reading.rows, reading.counted, reading.titles) == ((), 0, ("", "", ""))


def test_a_sum_proves_a_list_unless_it_is_carried_to_the_next_page() -> None:
    rows: tuple[tuple[None, ...], ...] = ((None,),) * 400
    whole = ListReading(rows, 400)
    of_page = ListReading(rows[:35], 35, summed=True)
    assert chosen_reading([whole, of_page]) == 0
    without_totals = ListReading(rows[:-MAX_TOTALS], 392, summed=True)
    assert chosen_reading([whole, without_totals]) == 1
