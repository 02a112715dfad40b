"""Ratings as rows for training in S3, and the pages that better passages are named on.

    feedback/{tenant}/{day of the question}/{feedback_id}.json   one line, a `FeedbackRow`

The key follows from what is rated, so that a second rating of it takes the first one's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.jsonl import dump_lines
from chalicelib.documents.pages import stored_page
from chalicelib.errors import NotFound
from chalicelib.retrieval.ids import pages_key

if TYPE_CHECKING:
    from chalicelib.adapters.s3_streams import StreamedObjects
    from chalicelib.contracts.feedback import FeedbackRow


class FeedbackObjects:
    """The objects of one bucket that ratings have to do with."""

    def __init__(self, objects: StreamedObjects, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    def page_text(self, tenant: str, document_id: str, version: str, page: int) -> str:
        """Return the text of a page; raise `NotFound`."""
        pieces = self._objects.stream(self._bucket, pages_key(tenant, document_id, version))
        found = stored_page(pieces, page)
        if found is None:
            raise NotFound(f"{document_id} has no page {page} in {version}.")
        return found.text

    def write_row(self, key: str, row: FeedbackRow) -> None:
        """Write a row, over what an earlier rating of the same said."""
        self._objects.write(self._bucket, key, dump_lines([row]), {})

    def remove_row(self, key: str) -> None:
        """Remove every version of a row."""
        self._objects.delete_prefix(self._bucket, key)
