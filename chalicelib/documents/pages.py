"""Pages assembled from blocks of clean text, with the offsets of their headings.

Text is made final before an offset is counted, so that a character range of a citation is an exact
slice of the page's text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jsonl import whole_lines

SEPARATOR = "\n\n"
TRAIL = " › "  # noqa: RUF001 - a guillemet between headings is what readers see
MAX_HEADING_CHARACTERS = 200

_LINE_ENDS = re.compile(r"\r\n?|\u2028|\u2029|\x0b|\x0c|\x85")
_BLANK_LINES = re.compile(r"\n{3,}")
_DROPPED = {"Cc", "Cs", "Cn", "Co"}
_INVISIBLE = frozenset(
    "\ufeff\u00ad\u200b\u2060\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""They include marks that turn the direction of writing: a quotation must show its true order.

https://trojansource.codes
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A separate piece of text; `level` is 1 to 6 for a heading, else 0.

    A block that `opens` begins a new passage under the current heading, so that a part of a table
    begins with the table's header.
    """

    text: str
    level: int = 0
    opens: bool = False


def clean(text: str) -> str:
    """Return `text` in NFC with `\\n` line ends and without invisible or control characters."""
    text = unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text))
    visible = text.replace("\n", "").replace("\t", "")
    if not visible.isascii() or not visible.isprintable():
        text = "".join(character for character in text if _is_kept(character))
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub(SEPARATOR, text).strip("\n")


def page_of(number: int, blocks: Iterable[Block]) -> Page:
    """Return page `number`, made of `blocks`, which are cleaned first."""
    return _page(number, blocks, [])


def pages_of(pages: Iterable[Iterable[Block]]) -> tuple[Page, ...]:
    """Return the pages of a continuous text: a heading stays current on the following pages."""
    trail: list[tuple[int, str]] = []
    return tuple(_page(number, blocks, trail) for number, blocks in enumerate(pages, 1))


def _page(number: int, blocks: Iterable[Block], trail: list[tuple[int, str]]) -> Page:
    """Return a page; `trail`, the current headings and their levels, is updated."""
    parts: list[str] = []
    headings: list[tuple[int, str]] = []
    length = 0
    for block in blocks:
        text = clean(block.text)
        if not text.strip():
            continue
        if parts:
            parts.append(SEPARATOR)
            length += len(SEPARATOR)
        if block.level:
            trail[:] = [above for above in trail if above[0] < block.level]
            trail.append((block.level, " ".join(text.split())))
        if block.level or block.opens:
            headings.append((length, trail_text(title for _, title in trail)))
        parts.append(text)
        length += len(text)
    return Page(page=number, text="".join(parts), headings=tuple(headings))


def headed(page: Page, placed: Sequence[tuple[int, str]]) -> Page:
    """Return `page` with headings at the offsets in `placed`, in ascending order.

    A block that opens a passage does so under the heading that is current there.
    """
    placed_headings = list(placed)
    for offset, _ in page.headings:
        above = [trail for at, trail in placed if at <= offset]
        if offset not in {at for at, _ in placed}:
            placed_headings.append((offset, above[-1] if above else ""))
    headings = tuple(sorted(placed_headings, key=lambda heading: heading[0]))
    return Page(page=page.page, text=page.text, headings=headings)


def trail_text(titles: Iterable[str]) -> str:
    """Return headings, the outermost first, as one line of bounded length."""
    text = TRAIL.join(titles)
    return text if len(text) <= MAX_HEADING_CHARACTERS else "…" + text[1 - MAX_HEADING_CHARACTERS :]


def stored_page(pieces: Iterable[bytes], number: int) -> Page | None:
    """Return page `number` of a `pages.jsonl` that comes in `pieces`, or None.

    It is read up to there, a piece in memory at a time.
    """
    for line in islice(whole_lines(pieces), number - 1, number):
        return Page.model_validate_json(line)
    return None


def characters(pages: Sequence[Page]) -> int:
    """Return the number of characters of text in `pages`."""
    return sum(len(page.text) for page in pages)


def _is_kept(character: str) -> bool:
    if character in "\n\t":
        return True
    return character not in _INVISIBLE and unicodedata.category(character) not in _DROPPED
