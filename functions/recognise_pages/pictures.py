"""Pages of a PDF, or of a picture, as pictures of bounded size."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2

from chalicelib.documents.bounded_work import WorkBudget, run_bounded
from chalicelib.documents.pdf_pages import page_pixels, page_scale
from chalicelib.errors import Conflict, InvalidInput, ModelFailure, Unsupported
from functions.recognise_pages.letters import scaled
from functions.recognise_pages.strips import recognise_long
from functions.recognise_pages.text import RecognisedLine, shows_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from chalicelib.contracts.objects import LargeObjects

    Picture = NDArray[np.uint8]

DOTS_PER_INCH = 200
MAX_PIXELS = 3_500
"""Pixels of the longer side: a picture of at most 37 MB, whatever size a page claims."""
MAX_IMAGE_PIXELS = 8_000_000
"""Of a picture, whose sides may differ much: a page of A4 keeps 280 dots an inch."""
MAX_BYTES = 480 * 1024 * 1024
"""The most bytes of a PDF, which is stored on the 512 MB of disk that a function has."""

RENDERING = WorkBudget(cpu_seconds=30, memory_bytes=512 * 1024 * 1024, wall_seconds=60.0)
"""The budget of rendering one page, whatever it draws."""

Recognise = Callable[["Picture"], Sequence[RecognisedLine]]


@dataclass(frozen=True, slots=True)
class PdfPictures:
    """The pages of an open PDF."""

    document: pypdfium2.PdfDocument
    recognise: Recognise
    budget: WorkBudget = RENDERING

    def lines(self, number: int) -> Sequence[RecognisedLine]:
        """Return the lines recognised on page `number`; see `core.Pictures`."""
        if not 1 <= number <= len(self.document):
            raise Conflict(f"The PDF has {len(self.document)} pages, and no page {number}.")
        lines = self.recognise(self._rendered(number))
        points = 1 / page_scale(self.document, number, DOTS_PER_INCH, MAX_PIXELS)
        return [
            replace(line, words=tuple(scaled(word, points) for word in line.words))
            for line in lines
        ]

    def _rendered(self, number: int) -> Picture:
        """Return page `number` as `picture` does, rendered within a budget."""
        name = f"Rendering page {number}"
        try:
            return run_bounded(lambda: picture(self.document, number), self.budget, name)
        except Unsupported as error:
            raise ModelFailure(error.message) from error


def picture(document: pypdfium2.PdfDocument, number: int) -> Picture:
    """Return page `number` as rows of pixels, blue, green and red; raise `ModelFailure`."""
    return page_pixels(document, number, page_scale(document, number, DOTS_PER_INCH, MAX_PIXELS))


@dataclass(frozen=True, slots=True)
class ImagePictures:
    """The pages of an image file, which has one unless it is a TIFF."""

    data: bytes
    recognise: Recognise

    def lines(self, number: int) -> Sequence[RecognisedLine]:
        """Return the lines recognised on page `number`; see `core.Pictures`."""
        # Pillow is loaded for pictures alone.
        from chalicelib.inference.image_pages import page_pixels as pixels_of_image

        pixels, size = pixels_of_image(self.data, number, MAX_IMAGE_PIXELS)
        lines = recognise_long(pixels, self.recognise)
        if not shows_text(lines):
            return ()
        enlarged = size.width / pixels.shape[1]
        return [
            replace(line, words=tuple(scaled(word, enlarged) for word in line.words))
            for line in lines
        ]


@contextmanager
def opened(
    objects: LargeObjects, recognise: Recognise, bucket: str, key: str, picture: bool
) -> Iterator[PdfPictures | ImagePictures]:
    """Yield the pages of a PDF or a picture in a bucket."""
    if picture:
        yield ImagePictures(b"".join(objects.stream(bucket, key)), recognise)
    else:
        with _opened_pdf(objects, recognise, bucket, key) as document:
            yield document


@contextmanager
def _opened_pdf(
    objects: LargeObjects, recognise: Recognise, bucket: str, key: str
) -> Iterator[PdfPictures]:
    """Yield the pages of a PDF in a bucket, by way of a file on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.pdf"
        objects.download(bucket, key, None, path, MAX_BYTES)
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            raise InvalidInput("The PDF is damaged or cut off.", field="file") from error
        try:
            yield PdfPictures(document, recognise)
        finally:
            document.close()
