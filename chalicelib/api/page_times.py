"""When the words of a page of a recording are said or shown, as the API shows it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.contracts.document_content import PageTiming, ShownText, SpokenPageWord
from chalicelib.contracts.jsonl import whole_lines
from chalicelib.contracts.page_times import PageTimes
from chalicelib.errors import Conflict
from chalicelib.media.containers import is_recording
from chalicelib.retrieval.ids import times_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.api.page_queries import RequestedRange


def page_timing(
    shown: RequestedRange, stream: Callable[[str], Iterator[bytes]]
) -> PageTiming | None:
    """Return the times of what begins in a range of a page, or None if it is of no recording.

    Args:
        shown: The range, of a page with its text.
        stream: Returns the bytes of an object in pieces, by its key.

    Raises:
        Conflict: the page is missing from the times.
        NotFound: there are no times.
    """
    version, page = shown.version, shown.page
    if not is_recording(version.media_type):
        return None
    pieces = stream(times_key(shown.tenant, version.document_id, version.version))
    line = next(islice(whole_lines(pieces), page.page - 1, page.page), None)
    times = PageTimes.model_validate_json(line) if line else None
    if times is None or times.page != page.page:
        raise Conflict(f"The times of page {page.page} of {version.path} are missing.")
    return PageTiming(
        kind=times.kind,
        start_ms=times.start_ms,
        end_ms=times.end_ms,
        words=tuple(
            SpokenPageWord(text=page.text[each.start : each.end], **each._asdict())
            for each in times.spans
            if each.start in shown.characters
        ),
        shown=tuple(
            ShownText(start=each.start, end=each.end, start_ms=each.start_ms, end_ms=each.end_ms)
            for each in times.blocks
            if each.start in shown.characters
        ),
    )
