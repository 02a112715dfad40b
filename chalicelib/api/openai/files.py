"""`/v1/files`: OpenAI's files, which are inputs and outputs of batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import (
    FORM,
    json_response,
    limit_of,
    query_value,
    raw_body,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.openai.errors import openai_error
from chalicelib.contracts.openai.files import FileDeleted, FileForm, FileList, FileObject
from chalicelib.contracts.operations import Media, Operation, Parameter, limit_parameter
from chalicelib.errors import InvalidInput, NotFound, Unsupported

if TYPE_CHECKING:
    from chalicelib.openai.files import StoredFile
    from chalicelib.wiring.api import ApiParts

MAX_PAGE = 10_000
MAX_INLINE_BYTES = 1024 * 1024
"""Bytes of a file that a response holds: as JSON it is up to three times as long, and a response of
a function has 6 MB at most. A larger file is downloaded from S3, to which the response redirects.
"""
DOWNLOAD_SECONDS = 15 * 60
_FOUND = 302
_ORDER = Parameter(
    "order",
    "By when files were uploaded.",
    {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
)
_AFTER = Parameter("after", "The file that the page follows.", {"type": "string"})
_PURPOSE = Parameter("purpose", "What files are for.", {"type": "string", "enum": ["batch"]})


class FileStore(Protocol):
    """Files as objects in S3."""

    def write(self, key: str, content: bytes) -> None:
        """Write an object."""

    def read(self, key: str) -> bytes:
        """Return an object's bytes; raise `NotFound`."""

    def look(self, key: str) -> StoredFile:
        """Return an object's key, size and time; raise `NotFound`."""

    def listed(self, prefix: str) -> list[StoredFile]:
        """Return the objects under `prefix` in the order of their keys."""

    def copy(self, key: str, to_key: str) -> None:
        """Copy an object; raise `NotFound`."""

    def remove(self, prefix: str) -> int:
        """Remove every version of every object under `prefix`; return how many."""

    def sign(self, key: str, *, name: str, seconds: int) -> str:
        """Return a URL that downloads an object as a file `name`, valid for `seconds`."""


@dataclass(frozen=True, slots=True)
class FileServices:
    """The collaborators of the views of this module."""

    store: FileStore
    now: Callable[[], datetime]
    new_id: Callable[[datetime], str]


def build_services(parts: ApiParts) -> FileServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.openai_files import FileObjects
    from chalicelib.jobs.ulids import ulid

    store = FileObjects(aws.s3(), parts.settings.bucket)
    return FileServices(store=store, now=utcnow, new_id=ulid)


def routes(services: Callable[[], FileServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)
    found = (NotFound,)

    @blueprint.route("/v1/files", methods=["POST"], authorizer=authorizer, content_types=[FORM])
    @serve_operation(blueprint, Operation("openai", {200: FileObject}, form=FileForm), openai_error)
    def create_file() -> Response:
        """Upload a file of calls for a batch, of about 4.5 MB at most.

        A larger one goes where `POST /v1/generations/batches/uploads` says.
        """
        return json_response(_create(blueprint.current_request, services()))

    @blueprint.route("/v1/files", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "openai",
            {200: FileList},
            query=(_AFTER, limit_parameter(MAX_PAGE), _ORDER, _PURPOSE),
        ),
        openai_error,
    )
    def list_files() -> Response:
        """List the files that were uploaded."""
        return json_response(_list(blueprint.current_request, services()))

    @blueprint.route("/v1/files/{file_id}", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("openai", {200: FileObject}, errors=found), openai_error)
    def get_file(file_id: str) -> Response:
        """Show a file: one that was uploaded, or the results or errors of a batch."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(file_at(tenant, file_id, services().store)[1])

    @blueprint.route("/v1/files/{file_id}/content", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "openai",
            {
                200: Media("application/jsonl", "The file."),
                _FOUND: Media("text/plain", "The file is larger, and had from `Location`."),
            },
            errors=found,
        ),
        openai_error,
    )
    def get_file_content(file_id: str) -> Response:
        """Give a file, or, above 1 MiB, the address from which it can be had for 15 minutes."""
        return _content(tenant_of(blueprint.current_request), file_id, services().store)

    @blueprint.route("/v1/files/{file_id}", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("openai", {200: FileDeleted}, errors=found), openai_error)
    def delete_file(file_id: str) -> Response:
        """Remove a file that was uploaded. What a batch gave goes with its job."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(_delete(tenant, file_id, services().store))

    return blueprint


def _create(request: Request, deps: FileServices) -> FileObject:
    from chalicelib.openai.files import StoredFile, upload_key, uploaded_file
    from chalicelib.openai.multipart import parse_form

    fields = parse_form(request.headers.get("content-type", ""), raw_body(request))
    for name in ("file", "purpose"):
        if name not in fields:
            raise InvalidInput(f"The form needs a field {name}.", field=name)
    now = deps.now()
    purpose = fields["purpose"].content.decode("utf-8", "replace")
    file = fields["file"]
    key = upload_key(tenant_of(request), f"file-{deps.new_id(now)}", purpose, file.filename)
    if not file.content.strip():
        raise InvalidInput("The file is empty.", field="file")
    try:
        file.content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("The file is no JSONL in UTF-8.", field="file") from error
    deps.store.write(key, file.content)
    return uploaded_file(StoredFile(key, len(file.content), now))


def _list(request: Request, deps: FileServices) -> FileList:
    from chalicelib.openai.files import file_prefix, uploaded_file

    limit, after = limit_of(request, MAX_PAGE), query_value(request, "after")
    order = query_value(request, "order") or "desc"
    if order not in {"asc", "desc"}:
        raise InvalidInput("order is asc or desc.", field="order")
    if query_value(request, "purpose") not in {None, "batch"}:
        raise InvalidInput("purpose is batch: no other files are there.", field="purpose")
    files = [uploaded_file(each) for each in deps.store.listed(file_prefix(tenant_of(request)))]
    page = _after(files if order == "asc" else files[::-1], after)
    shown = page[:limit]
    return FileList(
        data=tuple(shown),
        first_id=shown[0].id if shown else None,
        last_id=shown[-1].id if shown else None,
        has_more=len(page) > limit,
    )


def _after(files: Sequence[FileObject], after: str | None) -> Sequence[FileObject]:
    if after is None:
        return files
    places = [n for n, file in enumerate(files) if file.id == after]
    if not places:
        raise InvalidInput(f"There is no file {after[:80]}.", field="after")
    return files[places[0] + 1 :]


def file_at(
    tenant: str, file_id: str, store: FileStore, field: str = "file_id"
) -> tuple[str, FileObject]:
    """Return the key of a file, and the file; raise `NotFound` naming `field`."""
    from chalicelib.openai.files import (
        file_not_found,
        file_prefix,
        is_upload_id,
        output_file,
        output_key,
        uploaded_file,
    )

    key = output_key(tenant, file_id)
    if key is not None:
        try:
            return key, output_file(file_id, store.look(key))
        except NotFound as error:
            raise file_not_found(file_id, field) from error
    stored = store.listed(file_prefix(tenant, file_id)) if is_upload_id(file_id) else []
    if not stored:
        raise file_not_found(file_id, field)
    return stored[0].key, uploaded_file(stored[0])


def _content(tenant: str, file_id: str, store: FileStore) -> Response:
    key, file = file_at(tenant, file_id, store)
    if file.bytes <= MAX_INLINE_BYTES:
        return Response(store.read(key).decode(), headers=_headers("application/jsonl"))
    address = store.sign(key, name=f"{file_id}.jsonl", seconds=DOWNLOAD_SECONDS)
    headers = {**_headers("text/plain"), "Location": address}
    return Response("The file is had from Location.", headers=headers, status_code=_FOUND)


def _headers(media_type: str) -> dict[str, str | list[str]]:
    return {"Content-Type": media_type, "Cache-Control": "no-store"}


def _delete(tenant: str, file_id: str, store: FileStore) -> FileDeleted:
    from chalicelib.openai.files import file_prefix, output_key

    if output_key(tenant, file_id) is not None:
        raise Unsupported(
            "What a batch gave is removed after seven days; leave it.", field="file_id"
        )
    file_at(tenant, file_id, store)
    store.remove(file_prefix(tenant, file_id))
    return FileDeleted(id=file_id)
