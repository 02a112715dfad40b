"""Batches.

https://platform.openai.com/docs/api-reference/batch
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.openai.base import Choosing, OpenAIInput

BatchStatus = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelled"
]
MAX_METADATA = 16


class BatchRequest(OpenAIInput):
    """`POST /v1/batches`, of a file of `POST /v1/files`; each of its lines names its model."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None = Field(default=None, max_length=MAX_METADATA)
    headrace: Choosing | None = None


class BatchError(Contract):
    """The reason for which a batch failed as a whole, or was paused."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class BatchErrors(Contract):
    """The list of such reasons, with one entry."""

    object: Literal["list"] = "list"
    data: tuple[BatchError, ...]


class RequestCounts(Contract):
    """How many of a batch's calls are answered, and how many failed."""

    total: int = Field(ge=0)
    completed: int = Field(ge=0)
    failed: int = Field(ge=0)


class BatchObject(Contract):
    """A batch. Its results, and the lines that failed, are files once it has ended."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    errors: BatchErrors | None = None
    input_file_id: str
    completion_window: Literal["24h"] = "24h"
    status: BatchStatus
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: int
    expires_at: int
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelled_at: int | None = None
    request_counts: RequestCounts
    metadata: Mapping[str, str] = Field(default_factory=dict)


class BatchObjects(Contract):
    """A page of batches, newest first."""

    object: Literal["list"] = "list"
    data: tuple[BatchObject, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool
