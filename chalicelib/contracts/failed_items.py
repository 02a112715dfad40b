"""Items of a job that have no result, as `GET /v1/jobs/{job_id}/errors` lists them."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.batches import ItemError


class FailedItem(Contract):
    """A line of a batch, or a document of an extraction, and why it has no result.

    `id` is the id that the line has, or the document's. `line` counts the lines of the batch's
    file that are not empty, from 1. Of a document within a packet, the pages say which one it is.
    """

    id: str
    line: int | None = Field(default=None, ge=1)
    document_id: str = ""
    path: str = ""
    extraction_id: str = ""
    first_page: int | None = None
    last_page: int | None = None
    error: ItemError


class FailedItemList(Contract):
    """One page of failed items in the order of the input; `next_cursor` is None at the end."""

    items: tuple[FailedItem, ...]
    next_cursor: str | None
