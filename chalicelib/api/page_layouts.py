"""Where the words of a page stand on it, as the API shows them, or why that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.document_content import PageLayout, PageWord
from chalicelib.contracts.functions.render_page import PDF
from chalicelib.contracts.picture_labels import PICTURE_TYPES
from chalicelib.documents.words import stored_words
from chalicelib.errors import Conflict, NotFound
from chalicelib.retrieval.ids import words_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.api.page_queries import RequestedRange

_KEPT_SINCE = (
    "This version was read before the places of words were kept; upload the file again to have"
    " them."
)
_TOO_MANY = "The page has too many characters for their places to be kept."


def page_layout(shown: RequestedRange, stream: Callable[[str], Iterator[bytes]]) -> PageLayout:
    """Return the words that begin in a range of a page, or why none are known.

    Args:
        shown: The range, of a page with its text.
        stream: Returns the bytes of an object in pieces, by its key; raises `NotFound`.

    Raises:
        Conflict: the page is missing from the words.
    """
    version, page = shown.version, shown.page
    if version.media_type != PDF and version.media_type not in PICTURE_TYPES:
        return PageLayout(reason=f"In {version.media_type}, words have no fixed place on a page.")
    key = words_key(shown.tenant, version.document_id, version.version)
    try:
        found = stored_words(stream(key), page.page)
    except NotFound:
        return PageLayout(reason=_KEPT_SINCE)
    if found is None or found.page != page.page:
        raise Conflict(f"The words of page {page.page} of {version.path} are missing.")
    if found.words is None:
        return PageLayout(reason=_TOO_MANY)
    return PageLayout(
        width=found.width,
        height=found.height,
        words=tuple(
            PageWord(text=page.text[word.start : word.end], **word._asdict())
            for word in found.words
            if word.start in shown.characters
        ),
    )
