"""Where files lie, told from what they are called and back. Pure.

    jobs/{tenant}/files/{file id}/{purpose}/{name}        a file that was uploaded
    jobs/{tenant}/{job id}/results.jsonl, errors.jsonl    what a batch gave

A key says all that is told of a file but its size and time, which a listing tells. All is under
`jobs/`, where the bucket's lifecycle rule removes it after seven days, and the removal of a tenant
at once.
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

KEPT_DAYS = 7
MAX_NAME_BYTES = 200
_UPLOADED = re.compile(r"file-[0-9A-HJKMNP-TV-Z]{26}")
_OUTPUT = re.compile(r"file-([0-9A-HJKMNP-TV-Z]{26})-(results|errors)")
_BATCH: Purpose = "batch"
_BATCH_OUTPUT: Purpose = "batch_output"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in S3: its key, size and time."""

    key: str
    bytes: int
    written_at: datetime


def folder(tenant: str, file_id: str = "") -> str:
    """Return what the keys of all uploaded files of a tenant, or of one of them, begin with."""
    return f"jobs/{tenant}/files/{file_id}/" if file_id else f"jobs/{tenant}/files/"


def upload_key(tenant: str, file_id: str, purpose: str, name: str) -> str:
    """Return where a file is written that is uploaded as `name`.

    Raises:
        Unsupported: it is for another purpose than a batch.
        InvalidInput: it has no name, or too long a one.
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
    return f"{folder(tenant, file_id)}{purpose}/{quote(name, safe='')}"


def uploaded(stored: Stored) -> FileObject:
    """Return the file that an object under `folder` is."""
    *_, file_id, _, name = stored.key.split("/")
    return _object(file_id, stored, _BATCH, unquote(name))


def output(file_id: str, stored: Stored) -> FileObject:
    """Return the file that an object of a batch is."""
    return _object(file_id, stored, _BATCH_OUTPUT, stored.key.rpartition("/")[2])


def output_key(tenant: str, file_id: str) -> str | None:
    """Return where the result of a batch lies, None for a file that is none."""
    found = _OUTPUT.fullmatch(file_id)
    return f"jobs/{tenant}/{found[1]}/{found[2]}.jsonl" if found else None


def output_id(job_id: str, what: str) -> str:
    """Return what the results or the errors of a batch are called."""
    return f"file-{job_id}-{what}"


def is_uploaded(file_id: str) -> bool:
    """Tell whether `file_id` can be that of an uploaded file."""
    return _UPLOADED.fullmatch(file_id) is not None


def no_file(file_id: str, field: str) -> NotFound:
    """Return the error for a file that is not there, which `field` names."""
    return NotFound(
        f"There is no file {file_id[:80]}; files are kept for {KEPT_DAYS} days.", field=field
    )


def _object(file_id: str, stored: Stored, purpose: Purpose, name: str) -> FileObject:
    expires_at = stored.written_at + timedelta(days=KEPT_DAYS)
    return FileObject(
        id=file_id,
        bytes=stored.bytes,
        created_at=int(stored.written_at.timestamp()),
        expires_at=int(expires_at.timestamp()),
        filename=name,
        purpose=purpose,
    )
