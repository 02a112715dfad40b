"""DrawingML, the format of text, tables, charts and diagrams on slides.

Elements are those of ECMA-376 part 1, 21.1 (text and tables), 21.2 (charts) and 21.4 (diagrams).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks

if TYPE_CHECKING:
    from lxml.etree import _Element

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_BULLETS = (f"{A}buChar", f"{A}buAutoNum", f"{A}buBlip")
_TRUE = ("1", "true")


def paragraph_text(paragraph: _Element) -> str:
    """Return the text of a paragraph, its line breaks included."""
    pieces: list[str] = []
    for element in paragraph.iter(f"{A}t", f"{A}br", f"{A}tab"):
        if element.tag == f"{A}t":
            pieces.append(element.text or "")
        else:
            pieces.append("\n" if element.tag == f"{A}br" else "\t")
    return "".join(pieces).replace("\v", "\n").strip()


def text_blocks(body: _Element, *, bulleted: bool) -> Iterator[Block]:
    """Yield the paragraphs of a text body; consecutive list items form one block."""
    items: list[str] = []
    for paragraph in body.iter(f"{A}p"):
        text = paragraph_text(paragraph)
        if not text:
            continue
        if _is_item(paragraph.find(f"{A}pPr"), bulleted):
            items.append("- " + " ".join(text.split()))
            continue
        yield from _list(items)
        items = []
        yield Block(text)
    yield from _list(items)


def table_of(table: _Element) -> list[Block]:
    """Return a table as blocks; a merged cell is in its first column and row."""
    rows = table.iterfind(f"{A}tr")
    return table_blocks([_cell(cell) for cell in row.iterfind(f"{A}tc")] for row in rows)


def chart_blocks(chart: _Element) -> Iterator[Block]:
    """Yield the title of a chart and its numbers, as a table."""
    title = chart.find(f"{_C}chart/{_C}title")
    if title is not None:
        text = " ".join(paragraph_text(paragraph) for paragraph in title.iter(f"{A}p")).strip()
        yield Block(text)
    names: list[str] = []
    table: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for series in chart.iter(f"{_C}ser"):
        names.append(" ".join(_points(series.find(f"{_C}tx")).values()))
        labels.update(_points(_either(series, "cat", "xVal")))
        for at, value in _points(_either(series, "val", "yVal")).items():
            row = table.setdefault(at, [])
            row.extend([""] * (len(names) - 1 - len(row)))
            row.append(value)
    rows = [[labels.get(at, at), *values] for at, values in table.items()]
    yield from table_blocks(rows, ["", *names]) if rows else ()


def diagram_blocks(diagram: _Element) -> Iterator[Block]:
    """Yield the texts of a diagram (SmartArt) as a list."""
    texts = (paragraph_text(paragraph) for paragraph in diagram.iter(f"{A}p"))
    yield from _list(["- " + " ".join(text.split()) for text in texts if text])


def _list(items: list[str]) -> Iterator[Block]:
    if items:
        yield Block("\n".join(items))


def _is_item(properties: _Element | None, bulleted: bool) -> bool:
    if properties is None:
        return bulleted
    if properties.find(f"{A}buNone") is not None:
        return False
    return bulleted or any(properties.find(name) is not None for name in _BULLETS)


def _cell(cell: _Element) -> str:
    if cell.get("hMerge") in _TRUE or cell.get("vMerge") in _TRUE:
        return ""
    return " ".join(paragraph_text(paragraph) for paragraph in cell.iter(f"{A}p"))


def _either(series: _Element, name: str, other: str) -> _Element | None:
    element = series.find(f"{_C}{name}")
    return series.find(f"{_C}{other}") if element is None else element


def _points(data: _Element | None) -> dict[str, str]:
    """Return the cached values by their index: those that exist, not those announced."""
    if data is None:
        return {}
    return {
        point.get("idx", ""): (point.findtext(f"{_C}v") or "").strip()
        for point in data.iter(f"{_C}pt")
    }
