from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.ingest import Page
from chalicelib.documents.pages import characters
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.text import csv_tables, json_lines, rows
from functions.read_document.text.rows import PAGE_BYTES, TextRow, row_pages, table_rows

HEADER = ["id", "name", "note"]


def written(rows: Sequence[Sequence[object]], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def shown(pages: Sequence[Page]) -> str:
    return "\n".join(page.text for page in pages)


@given(st.binary(max_size=300), st.integers(1, 20))
def test_lines_are_those_of_the_text_however_it_is_cut(data: bytes, size: int) -> None:
    found = list(rows.lines(pieces(data, size)))
    assert b"".join(found) == data
    assert found == data.splitlines(keepends=True)


@given(st.binary(min_size=1, max_size=300), st.integers(1, 20), st.integers(8, 40))
def test_long_lines_come_in_pieces_where_they_may_be_cut(
    data: bytes, size: int, cut_at: int
) -> None:
    found = list(rows.lines(pieces(data, size), cut_at=cut_at))
    assert b"".join(found) == data
    assert max(map(len, found)) <= cut_at


def test_a_line_that_is_too_long_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_LINE", 10)
    with pytest.raises(Unsupported, match="Line 2 has more than"):
        list(rows.lines([b"short\n", b"much too long\n"]))


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)


@given(st.lists(st.lists(cells, min_size=1, max_size=4), max_size=12), st.integers(1, 9))
def test_rows_are_those_that_a_reader_of_csv_finds_wherever_they_are_cut(
    rows: list[list[str]], size: int
) -> None:
    data = written(rows)
    found = list(table_rows(pieces(data, size), "utf-8", ","))
    assert [list(row.cells) for row in found] == list(csv.reader(io.StringIO(data.decode(), "")))
    assert sum(row.size for row in found) == len(data)


def test_a_page_holds_a_hundred_rows_and_the_header_of_all() -> None:
    read = csv_tables.extract(written([HEADER, *([n, "bolt", "x"] for n in range(250))]))
    assert [page.page for page in read.pages] == [1, 2, 3]
    assert [page.headings[0][1] for page in read.pages] == [
        "Rows 1 to 100", "Rows 101 to 200", "Rows 201 to 250",
    ]  # fmt: skip
    for page in read.pages:
        assert "| id | name | note |\n| - | - | - |" in page.text
    assert "| 249 | bolt | x |" in read.pages[2].text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_parts_the_cells_is_told_from_the_text(delimiter: str) -> None:
    rows = [["name", "price, net", "note"], ["bolt", "1,50", "a"], ["nut; small", "0,25", "b|c"]]
    read = csv_tables.extract(written(rows, delimiter))
    assert "| bolt | 1,50 | a |" in read.pages[0].text
    is_tabs = read.media_type == "text/tab-separated-values"
    assert is_tabs == (delimiter == "\t")


@pytest.mark.parametrize(
    ("content", "first"),
    [
        (b"name,count\nbolt,12\n", "| name | count |"),
        (b"name,count\n", "| Column 1 | Column 2 |"),
        (b"bolt,12\nnut,9\n", "| Column 1 | Column 2 |"),
        (b"2024-01-02,bolt\n2024-01-03,nut\n", "| Column 1 | Column 2 |"),
        (b"a,a\nb,c\n", "| Column 1 | Column 2 |"),
        (b"\n\nname,count\nbolt,12\n", "| name | count |"),
    ],
    ids=["header", "one row", "numbers", "dates", "same titles", "empty lines before"],
)
def test_the_first_row_is_the_header_unless_it_looks_like_data(content: bytes, first: str) -> None:
    assert first in csv_tables.extract(content).pages[0].text


def test_rows_of_any_width_keep_their_cells() -> None:
    text = shown(csv_tables.extract(b"a,b,c\n1\n1,2,3,4,5\n,,\n\n6,7,8\n").pages)
    for cell in "12345678":
        assert f"| {cell} |" in text or f"| {cell} " in text


def test_a_line_end_in_quotes_ends_no_row() -> None:
    (page,) = csv_tables.extract(b'name,note\nbolt,"two\nlines"\nnut,one\n').pages
    assert "| bolt | two lines |" in page.text
    assert page.headings[0][1] == "Rows 1 to 2"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_a_table_is_read_in_its_own_encoding(encoding: str) -> None:
    rows = [["Straße", "Größe"], *(["Bahnhofstraße", "fünf Mädchen über dem Fluß"],) * 40]
    read = csv_tables.extract(written(rows).decode().encode(encoding))
    assert "| Straße | Größe |" in read.pages[0].text


def test_a_quote_that_never_ends_is_refused_by_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.read_document.text.rows.MAX_LINE", 50)
    with pytest.raises(Unsupported, match="Row 2 has more than"):
        list(table_rows([b'a,b\n"x,1\n' + b"2,3\n" * 20], "utf-8", ","))


def test_a_line_of_a_table_that_is_too_long_is_refused_by_its_number() -> None:
    with pytest.raises(Unsupported, match="Line 2"):
        list(table_rows([b"a\n", b'"' + b"x" * 1_100_000 + b'"\n'], "utf-8", ","))


@pytest.mark.parametrize("content", [b"", b"\n\n"], ids=["nothing", "line ends"])
def test_a_table_without_a_row_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="holds no text"):
        csv_tables.extract(content)


@pytest.mark.parametrize(
    "content",
    [
        b"a\n" + b"".join(b"," * 4_000 + b"x\n" + b"1\n" * 99 for _ in range(5)),
        b",".join(b"title%d" % n for n in range(4_000)) + b"\n" + b"1\n" * 20_000,
        b"x" * 60_000 + b",b\n" + b"1,2\n" * 5_000,
    ],
    ids=["a wide row a page", "a wide header", "a long title"],
)
def test_no_table_gets_many_times_as_long_as_its_file(content: bytes) -> None:
    assert characters(csv_tables.extract(content).pages) < 25 * len(content)


@given(st.lists(st.integers(0, PAGE_BYTES), max_size=30), st.data())
def test_pages_found_from_a_page_on_are_those_of_the_whole(
    sizes: list[int], data: st.DataObject
) -> None:

    rows = [TextRow(("x",) if size % 3 else (), size) for size in sizes]
    whole = list(row_pages(rows))
    if not whole:
        return
    begin = data.draw(st.integers(0, len(whole) - 1))
    skipped = sum(page.size for page in whole[:begin])
    at = 0
    while skipped > 0 or (rows[at].size == 0 and begin and rows[at].cells == ()):
        skipped -= rows[at].size
        at += 1
        if at == len(rows):
            return
    rest = list(row_pages(rows[at:], whole[begin].first))
    assert [page.last for page in rest] == [page.last for page in whole[begin:]]


def test_json_lines_are_tables_of_a_hundred_records() -> None:
    content = b"".join(b'{"id": %d, "name": "bolt"}\n' % n for n in range(150))
    read = json_lines.extract(content)
    assert [page.headings[0][1] for page in read.pages] == ["Lines 1 to 100", "Lines 101 to 150"]
    assert "| id | name |" in read.pages[1].text
    assert "| 149 | bolt |" in read.pages[1].text
    assert read.notices == ()


def test_a_line_that_is_no_json_is_kept_and_told_of() -> None:
    read = json_lines.extract(b'{"id": 1}\nnot json\n\n{"id": 2}\n')
    assert "not json" in read.pages[0].text
    assert read.pages[0].headings[0][1] == "Lines 1 to 3"
    assert read.notices == (json_lines.NOT_JSON,)
