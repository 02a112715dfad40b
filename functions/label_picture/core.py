"""Label one image: as a passage of its document, or for a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.label_picture import (
    LabelDocumentRequest,
    LabelDocumentResult,
    LabelPictureRequest,
    LabelPictureResult,
)
from chalicelib.contracts.ingest import Chunk, Page, spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.retrieval.ids import chunks_key, pages_key, version_prefix, words_key
from chalicelib.retrieval.search.image_vectors import describe_image

if TYPE_CHECKING:
    from chalicelib.contracts.objects import ObjectStore
    from chalicelib.inference.efficientnet import LabelledImage

FIRST_FRAME = "The picture moves; of its {count} frames the first was looked at."
FIRST_PAGE = "What is seen in the picture is that of the first of its {count} pages."
NOTHING_CERTAIN = (
    "It is not certain what the picture shows, so searches for it may miss it: nothing was more"
    " than {percent} % likely."
)
DOUBTED_BELOW = 0.2
"""The probability of the likeliest label below which the owner gets a notice."""


class PictureLabeller(Protocol):
    """A model that labels images, as `EfficientNetLabeller` does."""

    def label_image(self, data: bytes) -> LabelledImage:
        """Return the labels of the image that `data` encodes."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run` and `look`; `clock` returns seconds from any start."""

    labeller: PictureLabeller
    sizes: Callable[[bytes], Sequence[tuple[int, int]]]
    """Returns the width and height in pixels of each page of an image file."""
    model: str
    clock: Callable[[], float]


def run(
    request: LabelDocumentRequest, objects: ObjectStore, memory_gb: float, deps: Deps
) -> LabelDocumentResult:
    """Label the document's `source`; write its pages, its passage, and the sizes of its pages.

    The first page says what is seen; `recognise_pages` adds what can be read.

    Raises:
        InvalidInput, Unsupported: it is damaged, too large, or no image.
        ModelFailure: the model is missing or failed.
    """
    began = deps.clock()
    place = (request.tenant, request.document_id, request.version)
    source = objects.read(request.bucket, version_prefix(*place) + "source")
    sizes = deps.sizes(source)
    labelled = deps.labeller.label_image(source)
    text = describe_image(request.path, labelled.labels)
    chunk = Chunk(
        n=0, page=1, heading="", start=0, end=len(text), text=text, labels=labelled.labels
    )
    numbers = tuple(range(1, len(sizes) + 1))
    first = Page(page=1, text=text, described=len(text), labels=labelled.labels)
    pages = [first, *(Page(page=number, text="") for number in numbers[1:])]
    words = [
        PageWords(page=number, width=width, height=height)
        for number, (width, height) in enumerate(sizes, 1)
    ]
    for key, lines in (
        (words_key(*place), dump_lines(words)),
        (pages_key(*place), dump_lines(pages)),
    ):
        objects.write(request.bucket, key, lines, {"lines": str(len(sizes))})
    objects.write(request.bucket, chunks_key(*place), dump_lines([chunk]), {"lines": "1"})
    used = spent(deps.clock() - began, memory_gb)
    return LabelDocumentResult(
        chunks=1,
        pages=len(sizes),
        recognise=numbers,
        characters=len(text),
        notices=_notices(labelled, len(sizes)),
        labelling=used.model_copy(update={"images": 1}),
    )


def look(request: LabelPictureRequest, deps: Deps) -> LabelPictureResult:
    """Return the labels of a query's image; raise as `run` does."""
    began = deps.clock()
    labelled = deps.labeller.label_image(request.data)
    return LabelPictureResult(
        media_type=labelled.media_type,
        labels=labelled.labels,
        model=deps.model,
        seconds=max(0.0, deps.clock() - began),
    )


def _notices(seen: LabelledImage, pages: int) -> tuple[str, ...]:
    notices = []
    if pages > 1:
        notices.append(FIRST_PAGE.format(count=pages))
    if seen.frames > 1:
        notices.append(FIRST_FRAME.format(count=seen.frames))
    likeliest = seen.labels[0].share
    if likeliest < DOUBTED_BELOW:
        notices.append(NOTHING_CERTAIN.format(percent=round(100 * likeliest)))
    return tuple(notices)
