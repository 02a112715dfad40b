"""Read one uploaded file: check it, extract its text, write its pages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts import ReadRequest, ReadResult
from chalicelib.contracts.ingest import spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.ports import ObjectStore
from chalicelib.retrieval.ids import pages_key, version_prefix
from functions.read_document.extract import extract
from functions.read_document.filetype import Identify
from functions.read_document.members import put_members
from functions.read_document.pages import characters

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Deps:
    """What reading needs of the world."""

    objects: ObjectStore
    identify: Identify
    max_bytes: int
    clock: Callable[[], float]
    memory_gb: float


def run(request: ReadRequest, deps: Deps) -> ReadResult:
    """Read the file, write `pages.jsonl` and keep a copy of the source beside it.

    The files that an archive or a mail brings along are put into the inbox.

    Raises:
        InvalidInput, Unsupported: the file cannot be read, and the message says why.
        Conflict: the bytes are the ones that answer already, so there is nothing to do.
    """
    began = deps.clock()
    if request.refusal:
        raise InvalidInput(request.refusal, field="metadata")
    _check_size(request.bytes, deps.max_bytes)
    data = _fetch(request, deps.objects)
    _check_size(len(data), deps.max_bytes)
    sha256 = hashlib.sha256(data).hexdigest()
    if request.ready_sha256 == sha256:
        raise Conflict(f"{request.ready_version} holds the same bytes and answers already.")
    read = extract(data, request.path, deps.identify)
    prefix = version_prefix(request.tenant, request.document_id, request.version)
    deps.objects.copy(request.bucket, request.key, request.object_version_id, prefix + "source")
    deps.objects.write(
        request.bucket,
        pages_key(request.tenant, request.document_id, request.version),
        dump_lines(read.pages),
        {"lines": str(len(read.pages))},
    )
    members = put_members(read.attachments, request, deps.objects, deps.max_bytes)
    return ReadResult(
        media_type=read.media_type,
        sha256=sha256,
        bytes=len(data),
        pages=len(read.pages),
        pages_needing_ocr=read.pages_needing_ocr,
        characters=characters(read.pages),
        language=read.language,
        members=members.count,
        notices=(*read.notices, *members.notices),
        reading=spent(deps.clock() - began, deps.memory_gb),
    )


def _fetch(request: ReadRequest, objects: ObjectStore) -> bytes:
    try:
        return objects.read(request.bucket, request.key, request.object_version_id)
    except NotFound as error:
        raise InvalidInput(
            "The upload was deleted before it could be read.", field="file"
        ) from error


def _check_size(size: int, limit: int) -> None:
    if size == 0:
        raise InvalidInput("The file is empty.", field="file")
    if size > limit:
        raise InvalidInput(
            f"The file has {size / MEBIBYTE:.1f} MiB; the limit is {limit / MEBIBYTE:.1f} MiB.",
            field="file",
            limit=str(limit),
        )
