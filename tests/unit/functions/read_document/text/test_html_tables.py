from __future__ import annotations

from functions.read_document.text import html


def texts(page: str) -> list[str]:
    return [block.text for block in html.blocks(page)]


def test_a_table_of_data_should_keep_rows_and_columns() -> None:
    page = (
        "<table><caption>Doors</caption><thead><tr><th>Door<th>Key</thead><tbody>"
        "<tr><td><p>North</p><p>side</p><td>7|8</tr></tbody></table>after"
    )
    assert texts(page) == ["Doors", "| Door | Key |\n| - | - |\n| North side | 7\\|8 |", "after"]


def test_cells_that_span_should_stand_once() -> None:
    page = (
        "<table><tr><th colspan=2>A<th>B</tr><tr><td rowspan=2>1<td>2<td>3</tr>"
        "<tr><td>4<td>5</tr></table>"
    )
    assert texts(page) == ["| A |  | B |\n| - | - | - |\n| 1 | 2 | 3 |\n|  | 4 | 5 |"]


def test_a_table_that_lays_out_a_page_should_be_paragraphs() -> None:
    inner = "<table><tr><td>a<td>b</tr><tr><td>c<td>d</tr></table>"
    assert texts(f"<table><tr><td>menu</tr><tr><td>{inner}</tr></table>") == [
        "menu",
        "| a | b |\n| - | - |\n| c | d |",
    ]
    assert texts("<table><tr><td>one</tr><tr><td>two</tr></table>") == ["one", "two"]


def test_hidden_cells_should_not_be_read() -> None:
    page = "<table><tr><td>a<td>b</tr><tr><td>c<td hidden>d</tr></table>"
    assert texts(page) == ["| a | b |\n| - | - |\n| c |  |"]


def test_spans_should_not_be_believed() -> None:
    row = "<tr><td colspan=99999999 rowspan=99999999>a<td>b</tr>"
    shown = texts(f"<table>{row * 300}</table>")
    assert sum(text.count("|") for text in shown) < 1_000_000
    assert "b" in shown[-1]
