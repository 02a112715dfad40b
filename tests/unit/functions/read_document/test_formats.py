from __future__ import annotations

import pytest

from chalicelib.documents.pages import Block, page_of
from functions.read_document.extraction import extract
from functions.read_document.file_types.formats import Identify
from functions.read_document.text import html, markdown, plain_text
from tests.unit.functions.read_document.files import pdf, scanned_pdf

PAGE = """<!doctype html><html><head><title>Not shown</title><style>p {color: red}</style></head>
<body><script>alert("no")</script>
<h1>Safety &amp; order</h1><p>Never run   in the <b>hall</b>.<br>Walk.</p>
<h2>Doors</h2><ul><li>Close them.<li><p>Lock them.</p></ul>
<table><tr><th>Door<th>Key</tr><tr><td>North<td>7</tr></table>
<pre>a
  b</pre><p hidden>secret</p><p style="display: none">secret</p><!-- secret --></body></html>"""

TEXT = """---
owner: Ann
---
# Handbook

Press *start*, then [wait](http://example.org) for `GREEN`.
It takes 5 minutes.

## Steps

1. Open the valve.
2. Close it.

- one
  - two

| Part | Count |
|------|-------|
| bolt | 12    |

```
$ start --now
```
<div>Raw <i>HTML</i></div>
"""


def test_html_is_read_as_it_is_seen() -> None:
    assert html.blocks(PAGE) == [
        Block("Safety & order", 1),
        Block("Never run in the hall.\nWalk."),
        Block("Doors", 2),
        Block("- Close them."),
        Block("- Lock them."),
        Block("| Door | Key |\n| - | - |\n| North | 7 |", opens=True),
        Block("    a\n      b"),
    ]


def test_html_that_nests_deep_is_read() -> None:
    assert html.blocks("<div>" * 500 + "deep")[-1] == Block("deep")


@pytest.mark.parametrize("page", ["", "<html>", "<p>", "<!-- only -->", "<script>x</script>"])
def test_html_without_visible_text_has_no_blocks(page: str) -> None:
    assert html.blocks(page) == []


def test_markdown_loses_its_marks_and_keeps_its_headings() -> None:
    assert markdown.blocks(TEXT) == [
        Block("owner: Ann"),
        Block("Handbook", 1),
        Block("Press start, then wait for GREEN. It takes 5 minutes."),
        Block("Steps", 2),
        Block("1. Open the valve."),
        Block("2. Close it."),
        Block("- one"),
        Block("- two"),
        Block("| Part | Count |\n| - | - |\n| bolt | 12 |", opens=True),
        Block("    $ start --now"),
        Block("Raw HTML"),
    ]


def test_plain_text_is_parted_at_blank_lines() -> None:
    blocks = plain_text.blocks("one\r\ntwo\r\n\r\n \r\n  three\r\n\ffour")
    assert [block.text.strip() for block in blocks] == ["one\ntwo", "three", "four"]


def test_headings_carry_the_trail_of_those_above_them() -> None:
    page = page_of(1, [Block("A", 1), Block("text"), Block("B", 2), Block("C", 2), Block("D", 1)])
    assert page.headings == ((0, "A"), (9, "A › B"), (12, "A › C"), (15, "D"))  # noqa: RUF001
    assert [page.text[offset] for offset, _ in page.headings] == ["A", "B", "C", "D"]


def test_a_pdf_is_read_page_by_page(identify: Identify) -> None:
    read = extract(pdf("First page.", "", "Third page."), "x.pdf", identify)
    assert [page.page for page in read.pages] == [1, 2, 3]
    assert [page.text for page in read.pages] == ["First page.", "", "Third page."]
    assert read.pages_needing_ocr == 0


def test_a_pdf_s_outline_gives_its_headings(identify: Identify) -> None:
    read = extract(pdf("It is cold.", "It is warm.", outline=["Winter", "Summer"]), "x", identify)
    assert [page.headings for page in read.pages] == [((0, "Winter"),), ((0, "Summer"),)]


def test_pages_that_are_pictures_of_text_are_counted(identify: Identify) -> None:
    read = extract(scanned_pdf(3, text_on_first="Only this."), "x.pdf", identify)
    assert (len(read.pages), read.pages_needing_ocr) == (3, 2)


def test_a_term_of_html_stays_with_its_text() -> None:
    page = """<dl><dt>weir</dt><dd>Holds <b>water</b> back.</dd><dt>sluice</dt><dt>gate</dt>
    <dd><p>Lets it out.</p><p>By hand.</p></dd><dt>alone</dt></dl><p>After.</p>"""
    assert html.blocks(page) == [
        Block("weir\n    Holds water back."),
        Block("sluice\ngate\n    Lets it out."),
        Block("By hand."),
        Block("alone"),
        Block("After."),
    ]


@pytest.mark.parametrize("text", ["weir\n: Holds *water* back.", "weir\n\n: Holds water back."])
def test_a_term_of_markdown_stays_with_its_text(text: str) -> None:
    assert markdown.blocks(text) == [Block("weir\n    Holds water back.")]


@pytest.mark.parametrize(
    "rows",
    [
        "<tr><th>Maker<td>Voss<tr><th>Year:<td>2011",
        "<tr><td>Maker:<td>Voss<tr><td>Year:<td>2011",
    ],
)
def test_a_table_of_named_values_is_lines(rows: str) -> None:
    assert html.blocks(f"<table>{rows}</table>") == [Block("Maker: Voss\nYear: 2011", opens=True)]
