"""Which removals are done at once, and which by a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document

MOST_CHUNKS_AT_ONCE = 5_000
MOST_BYTES_AT_ONCE = 50 * 1024 * 1024
"""A document with more is removed by a job: its vectors take longer than a request may.

An index takes 2,500 vectors a second, and while a tenant is reindexed there are two of them. What
is removed is removed twice, for an ingest may have been writing.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""


def takes_a_job(document: Document) -> bool:
    """Tell whether the removal of `document` takes longer than one call may."""
    return document.chunks > MOST_CHUNKS_AT_ONCE or document.bytes > MOST_BYTES_AT_ONCE
