"""The picture of a page, rendered in a process with limits, from a file on disk."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
from PIL import Image, ImageChops

from chalicelib.contracts.functions.render_page import PDF, RenderPageRequest
from chalicelib.documents.bounded_work import WorkBudget, run_bounded
from chalicelib.documents.pdf_pages import page_pixels, page_scale
from chalicelib.errors import Conflict, InvalidInput, Unsupported
from chalicelib.inference.image_files import on_white, open_image
from chalicelib.inference.image_pages import open_page, page_image
from chalicelib.retrieval.ids import version_prefix
from functions.render_page.places import Box, CitedText, boxes_of, placed_letters, word_boxes

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects

DOTS_PER_INCH = 144
MAX_PIXELS = 2_000
"""Pixels of the longer side: a page of A4 at 144 dots an inch has 1,684."""
MAX_SOURCE_BYTES = 480 * 1024 * 1024
"""The most bytes of a source, which is stored on the 512 MB of disk that a function has."""
MARK = (255, 237, 140)
MARGIN = 2
"""Pixels that a mark is larger than its letters, on each side."""
BUDGET = WorkBudget(cpu_seconds=15, memory_bytes=768 * 1024 * 1024, wall_seconds=20.0)
"""The budget of rendering one page, whatever it draws; a caller waits for it."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A picture as PNG, its size, and how many ranges are marked on it."""

    png: bytes
    width: int
    height: int
    highlighted: int


@dataclass(frozen=True, slots=True)
class BoundedRenderer:
    """Renders pages of stored files."""

    objects: LargeObjects
    budget: WorkBudget = BUDGET

    def __call__(self, request: RenderPageRequest, cited: Sequence[CitedText]) -> Rendering:
        """Return the picture of a page with the `cited` texts marked; raises as `core.run`."""
        source = version_prefix(request.tenant, request.document_id, request.version) + "source"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "source"
            self.objects.download(request.bucket, source, None, path, MAX_SOURCE_BYTES)
            name = f"Rendering page {request.page}"
            return run_bounded(lambda: render(path, request, cited), self.budget, name)


def render(path: Path, request: RenderPageRequest, cited: Sequence[CitedText]) -> Rendering:
    """Return the picture of a page with the `cited` texts marked."""
    if request.media_type == PDF:
        return _pdf_page(path, request.page, cited)
    if request.media_type.startswith("image/"):
        return _picture(path, request.page, cited)
    raise Unsupported(
        f"A page of {request.media_type} has no picture; open its text instead.", field="page"
    )


def _pdf_page(path: Path, number: int, cited: Sequence[CitedText]) -> Rendering:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise InvalidInput("The PDF is damaged or cut off.", field="file") from error
    with closing(document):
        if number > len(document):
            raise Conflict(f"The PDF has {len(document)} pages, and no page {number}.")
        scale = page_scale(document, number, DOTS_PER_INCH, MAX_PIXELS)
        pixels = page_pixels(document, number, scale)
        image = Image.fromarray(pixels[:, :, ::-1].copy())
        marked = _marks(document, number, cited, image)
    for boxes in marked:
        _draw(image, boxes)
    return _encoded(image, len(marked))


def _marks(
    document: pypdfium2.PdfDocument, number: int, cited: Sequence[CitedText], image: Image.Image
) -> list[list[Box]]:
    """Return the boxes of each cited text that is on the page."""
    if not cited:
        return []
    with closing(document[number - 1]) as page:
        placed = placed_letters(page, image.width, image.height)
    found = (
        word_boxes(text, image.width, image.height) if text.words else boxes_of(text, placed)
        for text in cited
    )
    return [boxes for boxes in found if boxes]


def _draw(image: Image.Image, boxes: Sequence[Box]) -> None:
    """Colour the paper behind the boxes as a marker pen does; text stays as dark as it is."""
    for left, top, right, bottom in boxes:
        area = (
            max(0, left - MARGIN),
            max(0, top - MARGIN),
            min(image.width, right + MARGIN),
            min(image.height, bottom + MARGIN),
        )
        if area[0] < area[2] and area[1] < area[3]:
            paper = image.crop(area)
            image.paste(ImageChops.multiply(paper, Image.new("RGB", paper.size, MARK)), area)


def _picture(path: Path, number: int, cited: Sequence[CitedText]) -> Rendering:
    with open_image(path.read_bytes(), "file", "The picture") as file:
        open_page(file, number)
        image = page_image(file, MAX_PIXELS**2, MAX_PIXELS)
    found = (word_boxes(text, image.width, image.height) for text in cited)
    marked = [boxes for boxes in found if boxes]
    if marked:
        image = on_white(image)
    for boxes in marked:
        _draw(image, boxes)
    return _encoded(image, len(marked))


def _encoded(image: Image.Image, highlighted: int) -> Rendering:
    body = io.BytesIO()
    image.save(body, "PNG")
    return Rendering(body.getvalue(), image.width, image.height, highlighted)
