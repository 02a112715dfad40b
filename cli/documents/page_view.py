"""A page in a browser: its picture with what is cited marked, or its text as one HTML file.

The file lies in a folder that only its owner can open, needs nothing of the network, and runs no
script: the text comes from a file that somebody else may have written.
"""

from __future__ import annotations

import re
import tempfile
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from cli.client import Api
from cli.failures import ApiError
from cli.output import Json, Output, describe_place

FILE_MODE = 0o600
PDF = "application/pdf"

_SEPARATOR = "\n\n"
_RULE = re.compile(r"\|(?: - \|)+")
_CELL_EDGE = " | "
_ESCAPED_BAR = "\\|"
_ANCHOR = "cited"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
header { color: #666; border-bottom: 1px solid #ddd; margin-bottom: 1.5rem }
p { white-space: pre-wrap; overflow-wrap: anywhere }
table { border-collapse: collapse; margin: 1rem 0 }
td, th { border: 1px solid #ccc; padding: .2rem .6rem; text-align: left; vertical-align: top }
mark { background: #ffed8c; padding: .1em 0 }
"""
_HEAD = (
    '<!doctype html>\n<html><head><meta charset="utf-8">'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src'
    " 'unsafe-inline'\">"
)

Span = tuple[int, int]
"""Characters of a page that are marked, from the first to the one after the last."""


def open_page(api: Api, output: Output, page: Json, span: Span) -> Path:
    """Write the view of a page to a file, open it in the default browser, and return the file.

    A PDF or a picture is shown as the page's picture; its text, if that cannot be rendered.
    """
    folder = Path(tempfile.mkdtemp(prefix="headrace-"))
    file = _picture(api, output, page, span, folder) if _has_picture(page) else None
    if file is None:
        file = folder / f"page-{page['page']}.html"
        file.touch(FILE_MODE)
        file.write_text(page_html(page, span), encoding="utf-8")
    address = file.as_uri() + (f"#{_ANCHOR}" if file.suffix == ".html" else "")
    if not webbrowser.open(address):
        output.notice("No browser was found; open the file yourself.", "yellow")
    return file


def _has_picture(page: Json) -> bool:
    kind = str(page.get("media_type", ""))
    return kind == PDF or kind.startswith("image/")


def _picture(api: Api, output: Output, page: Json, span: Span, folder: Path) -> Path | None:
    """Return the file of a page's picture, or None, with a notice, if it cannot be rendered."""
    path = f"/v1/documents/{quote(page['document_id'])}/pages/{page['page']}.png"
    params = {"version": page["version"]}
    if span[0] < span[1]:
        params["highlight"] = f"{span[0]}-{span[1]}"
    try:
        shown = api.call("GET", path, params=params, redirected=True)
    except ApiError as error:
        if error.status >= 500:
            raise
        output.notice(f"{error} This is the text of the page.", "yellow")
        return None
    file = folder / f"page-{page['page']}.png"
    api.download(shown["url"], file)
    file.chmod(FILE_MODE)
    if span[0] < span[1] and not shown["highlighted"]:
        output.notice("The place of the citation on the page is not known; nothing is marked.")
    return file


def page_html(page: Json, span: Span) -> str:
    """Return the text of a page as an HTML document of its own, with a span marked."""
    text = _MarkedText(page["text"], span)
    title = f"{page['path']}, page {page['page']}"
    place = describe_place({**page, "start": span[0], "end": span[1]}) if span[1] else title
    headings = {heading["start"]: heading["text"] for heading in page["headings"]}
    body = "\n".join(_blocks(text, headings))
    body = body.replace("<mark>", f'<mark id="{_ANCHOR}">', 1)
    return (
        f"{_HEAD}<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><header><p>{escape(place)}</p></header>\n"
        f"{body}\n</body></html>\n"
    )


@dataclass(frozen=True, slots=True)
class _MarkedText:
    """The text of a page, of which a span is marked."""

    text: str
    span: Span

    def html(self, start: int, end: int) -> str:
        """Return characters of the text as HTML, with those of the span marked."""
        first = min(max(start, self.span[0]), end)
        last = min(max(first, self.span[1]), end)
        marked = self._escaped(first, last)
        return (
            self._escaped(start, first)
            + (f"<mark>{marked}</mark>" if marked else "")
            + self._escaped(last, end)
        )

    def _escaped(self, start: int, end: int) -> str:
        return escape(self.text[start:end])


def _blocks(text: _MarkedText, headings: dict[int, str]) -> Iterator[str]:
    at = 0
    for block in text.text.split(_SEPARATOR):
        end = at + len(block)
        rows = block.split("\n")
        if len(rows) > 1 and _RULE.fullmatch(rows[1]):
            yield _table(text, at, rows)
        elif block and headings.get(at, "").endswith(" ".join(block.split())):
            yield f"<h2>{text.html(at, end)}</h2>"
        elif block:
            yield f"<p>{text.html(at, end)}</p>"
        at = end + len(_SEPARATOR)


def _table(text: _MarkedText, at: int, rows: list[str]) -> str:
    """Return a table of Markdown as one of HTML; its rows begin at character `at`."""
    lines: list[str] = []
    for number, row in enumerate(rows):
        if number != 1:
            tag = "th" if number == 0 else "td"
            cells = (
                f"<{tag}>{text.html(*cell).replace(_ESCAPED_BAR, '|')}</{tag}>"
                for cell in _cells(row, at)
            )
            lines.append(f"<tr>{''.join(cells)}</tr>")
        at += len(row) + 1
    return f"<table>{''.join(lines)}</table>"


def _cells(row: str, at: int) -> Iterator[Span]:
    """Yield the characters of each cell of a row that begins at character `at` of the page."""
    inner = row.removeprefix("| ").removesuffix(" |")
    start = at + (2 if row.startswith("| ") else 0)
    for cell in inner.split(_CELL_EDGE):
        yield start, start + len(cell)
        start += len(cell) + len(_CELL_EDGE)
