"""Scans of documents: pages as pictures, askew, turned, grainy or soft, with boxes moved along."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pypdfium2
from fpdf import FPDF
from PIL import Image, ImageFilter

from models.datasets.business_documents.generated_document import (
    Edges,
    GeneratedDocument,
    TrueList,
    TruePlace,
    TrueValue,
)

_POINTS = 72


@dataclass(frozen=True, slots=True)
class ScanDefects:
    """Damage of a scanned page.

    Degrees are against the clock; `turned` is 0, 90, 180 or 270 of them. `grain` is the standard
    deviation of grey levels, `blur` the radius in pixels, `quality` that of JPEG.
    """

    dots: int
    askew: float
    turned: int
    grain: float
    blur: float
    quality: int


def scan_defects(rng: random.Random) -> ScanDefects:
    """Draw what befalls a document: always some skew and grain, at times a turn or few dots."""
    return ScanDefects(
        dots=rng.choice((110, 130, 150, 150, 200)),
        askew=rng.uniform(-3, 3),
        turned=rng.choice((0, 0, 0, 0, 90, 180, 270)),
        grain=rng.uniform(2, 18),
        blur=rng.choice((0.0, 0.3, 0.6, 0.9)),
        quality=rng.randrange(40, 90),
    )


def scanned(document: GeneratedDocument, seed: str) -> GeneratedDocument:
    """Return a document as a scanner gives it, without a text layer, its boxes moved with it."""
    rng = random.Random(seed)  # noqa: S311 - scans are to be the same each time
    defects = scan_defects(rng)
    grains = np.random.default_rng(rng.getrandbits(32))
    source = pypdfium2.PdfDocument(document.pdf)
    made = FPDF(unit="pt")
    sizes: list[tuple[float, float]] = []
    for page in source:
        sizes.append(page.get_size())
        picture = page.render(scale=defects.dots / _POINTS).to_pil().convert("L")
        jpeg = _worn(picture, defects, grains)
        width, height = sizes[-1] if defects.turned % 180 == 0 else sizes[-1][::-1]
        made.add_page(format=(width, height))
        made.image(io.BytesIO(jpeg), x=0, y=0, w=width, h=height)
    source.close()

    def moved(value: TrueValue) -> TrueValue:
        return replace(
            value,
            places=tuple(_moved(each, defects, sizes[each.page - 1]) for each in value.places),
        )

    return replace(
        document,
        pdf=bytes(made.output()),
        truth=tuple(map(moved, document.truth)),
        lists=tuple(_list_moved(each, moved) for each in document.lists),
        scanned=True,
    )


def _list_moved(found: TrueList, moved: Callable[[TrueValue], TrueValue]) -> TrueList:
    return replace(found, rows=tuple(tuple(map(moved, row)) for row in found.rows))


def _worn(picture: Image.Image, defects: ScanDefects, grains: np.random.Generator) -> bytes:
    askew = picture.rotate(defects.askew, Image.Resampling.BICUBIC, fillcolor=255)
    if defects.blur:
        askew = askew.filter(ImageFilter.GaussianBlur(defects.blur))
    grey = np.asarray(askew, np.float32) * 0.92 + 10
    grey += grains.normal(0, defects.grain, grey.shape).astype(np.float32)
    worn = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    if defects.turned:
        worn = worn.rotate(defects.turned, expand=True)
    written = io.BytesIO()
    worn.save(written, "JPEG", quality=defects.quality, dpi=(defects.dots, defects.dots))
    return written.getvalue()


def _moved(place: TruePlace, defects: ScanDefects, size: tuple[float, float]) -> TruePlace:
    return replace(place, boxes=tuple(_box_moved(box, defects, size) for box in place.boxes))


def _box_moved(box: Edges, defects: ScanDefects, size: tuple[float, float]) -> Edges:
    """Return the box around a box that was turned with its page of a size."""
    left, top, right, bottom = box
    corners = [
        _turned(_askew(corner, defects.askew, size), defects.turned, size)
        for corner in ((left, top), (right, top), (left, bottom), (right, bottom))
    ]
    across, down = zip(*corners, strict=True)
    return min(across), min(down), max(across), max(down)


def _askew(
    point: tuple[float, float], degrees: float, size: tuple[float, float]
) -> tuple[float, float]:
    """Turn a point against the clock around the middle of a page."""
    angle, (width, height) = math.radians(degrees), size
    x, y = point[0] - width / 2, point[1] - height / 2
    return (
        x * math.cos(angle) + y * math.sin(angle) + width / 2,
        -x * math.sin(angle) + y * math.cos(angle) + height / 2,
    )


def _turned(
    point: tuple[float, float], degrees: int, size: tuple[float, float]
) -> tuple[float, float]:
    """Turn a point with its page by quarters against the clock."""
    (x, y), (width, height) = point, size
    return {
        0: (x, y),
        90: (y, width - x),
        180: (width - x, height - y),
        270: (height - y, x),
    }[degrees]
