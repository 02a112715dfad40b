"""Files.

https://platform.openai.com/docs/api-reference/files
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from chalicelib.contracts.base import Contract
from chalicelib.contracts.openai.base import OpenAIInput

Purpose = Literal["batch", "batch_output"]


class FileForm(OpenAIInput):
    """`POST /v1/files`, a form: the file, and what it is for."""

    purpose: Literal["batch"]
    file: Annotated[
        bytes, WithJsonSchema({"type": "string", "contentMediaType": "application/jsonl"})
    ]


class FileObject(Contract):
    """A file that was uploaded, or the result of a batch, kept until `expires_at`."""

    id: str
    object: Literal["file"] = "file"
    bytes: int = Field(ge=0)
    created_at: int
    expires_at: int
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"


class FileList(Contract):
    """A page of uploaded files; `has_more` says whether another follows, after `last_id`."""

    object: Literal["list"] = "list"
    data: tuple[FileObject, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(Contract):
    """A file was removed."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True
