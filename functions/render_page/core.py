"""Render a page of a PDF, or a picture, as PNG; what is cited on it is highlighted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.render_page import RenderPageRequest, RenderPageResult
from chalicelib.documents.pages import stored_page
from chalicelib.documents.words import Edges, stored_words
from chalicelib.errors import NotFound
from chalicelib.retrieval.ids import pages_key, words_key
from functions.render_page.places import CitedText

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects
    from functions.render_page.rendering import Rendering


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`. `render` returns a page with the given texts marked."""

    objects: LargeObjects
    render: Callable[[RenderPageRequest, Sequence[CitedText]], Rendering]


def run(request: RenderPageRequest, deps: Deps) -> RenderPageResult:
    """Return where the picture is; it is rendered unless it was within the last days.

    Raises:
        NotFound: the version is gone.
        InvalidInput: the file is damaged, or the picture has no such page.
        Unsupported: it is neither PDF nor picture, or rendering it takes too much.
        Conflict: the PDF has no such page.
    """
    key = rendered_key(request)
    try:
        return _result(key, deps.objects.metadata(request.bucket, key))
    except NotFound:
        pass
    made = deps.render(request, _cited(request, deps))
    described = {
        "width": str(made.width),
        "height": str(made.height),
        "highlighted": str(made.highlighted),
    }
    deps.objects.write(request.bucket, key, made.png, described)
    return _result(key, described)


def rendered_key(request: RenderPageRequest) -> str:
    """Return the key of the picture. Objects under `jobs/` are removed after seven days."""
    ranges = ",".join(f"{each.start}-{each.end}" for each in request.highlights)
    name = f"{request.page}-{hashlib.sha256(ranges.encode()).hexdigest()[:16]}.png"
    return f"jobs/{request.tenant}/rendered/{request.document_id}/{request.version}/{name}"


def _cited(request: RenderPageRequest, deps: Deps) -> list[CitedText]:
    if not request.highlights:
        return []
    place = (request.tenant, request.document_id, request.version)
    page = stored_page(deps.objects.stream(request.bucket, pages_key(*place)), request.page)
    text = page.text if page else ""
    words = _recognised_words(request, deps)
    return [
        CitedText(
            text[each.start : each.end],
            text[: each.start],
            tuple(box for start, end, box in words if start < each.end and end > each.start),
        )
        for each in request.highlights
    ]


def _recognised_words(request: RenderPageRequest, deps: Deps) -> list[tuple[int, int, Edges]]:
    """Return the words recognised on a page with their boxes, as shares of the page's size."""
    key = words_key(request.tenant, request.document_id, request.version)
    try:
        page = stored_words(deps.objects.stream(request.bucket, key), request.page)
    except NotFound:
        return []
    if page is None or not page.recognised:
        return []
    across, down = page.width, page.height
    return [
        (
            word.start,
            word.end,
            (word.left / across, word.top / down, word.right / across, word.bottom / down),
        )
        for word in page.words or ()
    ]


def _result(key: str, described: Mapping[str, str]) -> RenderPageResult:
    return RenderPageResult.model_validate({"key": key, **described})
