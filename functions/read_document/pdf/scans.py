"""Detection of the pages of a PDF that are scanned: pictures of text."""

from __future__ import annotations

import ctypes
import unicodedata
from typing import TYPE_CHECKING

from pypdfium2 import raw

if TYPE_CHECKING:
    import pypdfium2

STAMP = 80
"""The most visible characters that a scanner or an archive may stamp onto a scanned page."""

_SAMPLE = 1_000
_COVERS = 0.5
"""Share of the page: a smaller picture is an illustration."""
_UNMAPPED = 0.5
_NO_LETTERS = {"Cc", "Cn", "Co", "Cs"}
_REPLACEMENT = "\ufffd"
_MAX_OBJECTS = 2_000


def is_scanned(page: pypdfium2.PdfPage, text: str) -> bool:
    """Return whether OCR has to recognise the text of `page`, whose text layer is `text`.

    It has to if the page shows something and its text layer is empty, or consists of codes that map
    to no characters, or is so short that it may be a stamp on a picture that covers the page.
    """
    visible = "".join(text[:_SAMPLE].split())
    if len(visible) > STAMP and not _is_unmapped(visible):
        return False
    if not visible or _is_unmapped(visible):
        return bool(raw.FPDFPage_CountObjects(page) > 0)
    return _image_share(page) >= _COVERS


def _is_unmapped(visible: str) -> bool:
    """Return whether most of the text has no mapping to Unicode."""
    if visible.isascii() and visible.isprintable():
        return False
    unmapped = sum(
        character == _REPLACEMENT or unicodedata.category(character) in _NO_LETTERS
        for character in visible
    )
    return unmapped >= _UNMAPPED * len(visible)


def _image_share(page: pypdfium2.PdfPage) -> float:
    """Return the share of the page that its largest picture covers."""
    left, bottom, right, top = page.get_bbox()
    area = (right - left) * (top - bottom)
    edges = [ctypes.c_float() for _ in range(4)]
    largest = 0.0
    for index in range(min(raw.FPDFPage_CountObjects(page), _MAX_OBJECTS)):
        page_object = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(page_object) not in (
            raw.FPDF_PAGEOBJ_IMAGE,
            raw.FPDF_PAGEOBJ_FORM,
        ):
            continue
        if raw.FPDFPageObj_GetBounds(page_object, *map(ctypes.byref, edges)):
            x0, y0, x1, y1 = (edge.value for edge in edges)
            width = min(x1, right) - max(x0, left)
            height = min(y1, top) - max(y0, bottom)
            largest = max(largest, max(width, 0.0) * max(height, 0.0))
    return largest / area if area > 0 else 0.0
