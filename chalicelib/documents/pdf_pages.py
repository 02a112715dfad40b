"""Pages of a PDF as pictures of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pypdfium2

from chalicelib.errors import ModelFailure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    PagePixels = NDArray[np.uint8]

POINTS_PER_INCH = 72


def page_scale(
    document: pypdfium2.PdfDocument, number: int, dots_per_inch: int, max_pixels: int
) -> float:
    """Return the pixels a point of page `number`.

    The longer side has at most `max_pixels`, whatever size the page claims.

    Raises:
        ModelFailure: the page cannot be opened.
    """
    try:
        longer = max(document.get_page_size(number - 1)) or 1.0
    except pypdfium2.PdfiumError as error:
        raise ModelFailure(f"Page {number} cannot be shown.") from error
    return float(min(dots_per_inch / POINTS_PER_INCH, max_pixels / longer))


def page_pixels(document: pypdfium2.PdfDocument, number: int, scale: float) -> PagePixels:
    """Return page `number` as rows of pixels: blue, green and red.

    Raises:
        ModelFailure: the page cannot be rendered.
    """
    try:
        page = document[number - 1]
        try:
            bitmap = page.render(scale=scale, no_smoothpath=False, prefer_bgrx=False)
            pixels: PagePixels = bitmap.to_numpy().copy()
            bitmap.close()
        finally:
            page.close()
    except pypdfium2.PdfiumError as error:
        raise ModelFailure(f"Page {number} cannot be shown.") from error
    return pixels
