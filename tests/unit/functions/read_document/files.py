"""Files that people and machines upload, well meant and not."""

from __future__ import annotations

from collections.abc import Sequence

from fpdf import FPDF
from fpdf.enums import AccessPermission


def pdf(*pages: str, outline: Sequence[str] = ()) -> bytes:
    """Return a PDF with a text layer; an empty page shows nothing at all."""
    document = _document()
    for number, text in enumerate(pages):
        document.add_page()
        if number < len(outline):
            document.start_section(outline[number])
            document.cell(text=outline[number])
            document.ln()
        if text:
            document.multi_cell(w=0, text=text)
    return bytes(document.output())


def scanned_pdf(pages: int, *, text_on_first: str = "") -> bytes:
    """Return a PDF whose pages are pictures without a text layer."""
    document = _document()
    for number in range(pages):
        document.add_page()
        document.rect(20, 20, 100, 100, style="F")
        if number == 0 and text_on_first:
            document.cell(text=text_on_first)
    return bytes(document.output())


def encrypted_pdf() -> bytes:
    """Return a PDF that opens with a password only."""
    document = _document()
    document.set_encryption(
        owner_password="owner", user_password="user", permissions=AccessPermission.none()
    )
    document.add_page()
    document.cell(text="secret")
    return bytes(document.output())


def _document() -> FPDF:
    document = FPDF()
    document.set_font("helvetica", size=12)
    return document
