"""Pictures of text, drawn with Pillow's own font: screenshots, photographs of notices, faxes."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

INVOICE = (
    "Harrow & Vale Pumps, 12 Mill Lane, Wells",
    "Invoice HV-20417 of 3 March 2025",
    "The impeller for pump 4 costs 1,284.50 euros.",
    "Payment is due within thirty days.",
)
FAX = (
    ("Duty rota of the lock house",),
    ("The spare key of the lock house hangs behind the third pump.",),
)


def drawn(
    lines: Sequence[str], size: tuple[int, int] = (1200, 800), letters: int = 36
) -> Image.Image:
    """Return a white page with lines of text, 60 pixels from its edges."""
    page = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(letters)
    for number, line in enumerate(lines):
        pen.text((60, 60 + number * 2 * letters), line, font=font, fill=(20, 20, 30))
    return page


def encoded(page: Image.Image, kind: str, **how: object) -> bytes:
    """Return an image as a file of Pillow's format `kind`."""
    written = io.BytesIO()
    page.save(written, format=kind, **how)
    return written.getvalue()


def fax(pages: Sequence[Sequence[str]] = FAX) -> bytes:
    """Return a TIFF with a page for each of `pages`, black and white as a fax has it."""
    first, *others = (drawn(lines).convert("1") for lines in pages)
    return encoded(first, "TIFF", compression="group4", save_all=True, append_images=others)
