"""One-page files with different content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fpdf import FPDF

_PARAGRAPHS = (
    "Sluice {n} was greased by the miller on day {n}, after the flood of that spring.",
    "The gate stands two metres wide between oak posts, and one person lifts it in a minute.",
    "Below it the water runs for ninety metres to the wheel; leaves are raked off every morning.",
    "When frost is forecast, the gate is left a hand's breadth open, so that the water moves.",
)


def question(number: int) -> str:
    """Return a question that file `number` answers."""
    return f"Who greased sluice {number}?"


def markdown(number: int) -> bytes:
    """Return a page of Markdown."""
    return "\n\n".join([f"# Sluice {number}", *_prose(number)]).encode()


def pdf(number: int) -> bytes:
    """Return a PDF of one page with a text layer."""
    page: Any = FPDF()
    page.add_page()
    page.set_font("Helvetica", size=12)
    for paragraph in (f"Sluice {number}", *_prose(number)):
        page.multi_cell(0, 7, paragraph)
        page.ln(4)
    return bytes(page.output())


def _prose(number: int) -> list[str]:
    return [paragraph.format(n=number) for paragraph in _PARAGRAPHS]


KINDS: Mapping[str, Callable[[int], bytes]] = {"md": markdown, "pdf": pdf}
