"""The keys of files in S3, from their ids and back. Pure.

    jobs/{tenant}/files/{file id}/{purpose}/{name}        a file that was uploaded
    jobs/{tenant}/{job id}/results.jsonl, errors.jsonl    an output of a batch

A key holds all properties of a file but its size and time, which a listing has. All keys begin with
`jobs/`, where the bucket's lifecycle rule removes objects after seven days, and the removal of a
tenant at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from chalicelib.contracts.openai.files import FileObject
from chalicelib.errors import InvalidInput, NotFound, Unsupported

if TYPE_CHECKING:
    from chalicelib.contracts.openai.files import Purpose

RETENTION_DAYS = 7
MAX_NAME_BYTES = 200
_UPLOADED = re.compile(r"file-[0-9A-HJKMNP-TV-Z]{26}")
_OUTPUT = re.compile(r"file-([0-9A-HJKMNP-TV-Z]{26})-(results|errors)")
_BATCH: Purpose = "batch"
_BATCH_OUTPUT: Purpose = "batch_output"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object in S3: its key, size and time."""

    key: str
    bytes: int
    written_at: datetime


def file_prefix(tenant: str, file_id: str = "") -> str:
    """Return the key prefix of a tenant's uploaded files, or of one of them."""
    return f"jobs/{tenant}/files/{file_id}/" if file_id else f"jobs/{tenant}/files/"


def upload_key(tenant: str, file_id: str, purpose: str, name: str) -> str:
    """Return the key of a file that is uploaded as `name`.

    Raises:
        Unsupported: The purpose is not `batch`.
        InvalidInput: The name is empty or too long.
    """
    if purpose != _BATCH:
        raise Unsupported(
            f"Files for {purpose[:40]!r} are not taken; purpose is batch. Documents go where"
            " POST /v1/documents says.",
            field="purpose",
        )
    name = re.split(r"[/\\]", name)[-1]
    if not 0 < len(name.encode()) <= MAX_NAME_BYTES:
        raise InvalidInput(
            f"A file's name is 1 to {MAX_NAME_BYTES} bytes.",
            field="file",
            limit=str(MAX_NAME_BYTES),
        )
    return f"{file_prefix(tenant, file_id)}{purpose}/{quote(name, safe='')}"


def uploaded_file(stored: StoredFile) -> FileObject:
    """Return the uploaded file of an object under `file_prefix`."""
    *_, file_id, _, name = stored.key.split("/")
    return _object(file_id, stored, _BATCH, unquote(name))


def output_file(file_id: str, stored: StoredFile) -> FileObject:
    """Return the output file of a batch that an object is."""
    return _object(file_id, stored, _BATCH_OUTPUT, stored.key.rpartition("/")[2])


def output_key(tenant: str, file_id: str) -> str | None:
    """Return the key of an output of a batch; None if `file_id` is not the id of one."""
    found = _OUTPUT.fullmatch(file_id)
    return f"jobs/{tenant}/{found[1]}/{found[2]}.jsonl" if found else None


def output_id(job_id: str, what: str) -> str:
    """Return the file id of the `results` or the `errors` of a batch."""
    return f"file-{job_id}-{what}"


def is_upload_id(file_id: str) -> bool:
    """Return whether `file_id` has the form of an uploaded file's id."""
    return _UPLOADED.fullmatch(file_id) is not None


def file_not_found(file_id: str, field: str) -> NotFound:
    """Return the error for a missing file that `field` names."""
    return NotFound(
        f"There is no file {file_id[:80]}; files are kept for {RETENTION_DAYS} days.", field=field
    )


def _object(file_id: str, stored: StoredFile, purpose: Purpose, name: str) -> FileObject:
    expires_at = stored.written_at + timedelta(days=RETENTION_DAYS)
    return FileObject(
        id=file_id,
        bytes=stored.bytes,
        created_at=int(stored.written_at.timestamp()),
        expires_at=int(expires_at.timestamp()),
        filename=name,
        purpose=purpose,
    )
