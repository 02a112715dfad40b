"""`/v1/documents`: announcing uploads, and showing documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.document_queries import (
    LISTING,
    DocumentListing,
    LanguageNotice,
    list_page,
    with_notice,
)
from chalicelib.api.http import (
    json_response,
    parse_body,
    request_id_of,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.idempotency import ResponseRecords, run_once
from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.inbox_metadata import InboxMetadata
from chalicelib.contracts.metadata import check_metadata
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.uploads import (
    CreateDocumentRequest,
    CreateDocumentResponse,
    PresignedUpload,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.retrieval.ids import InboxPlace, parse_inbox_key
from chalicelib.retrieval.search.filters import Declarations, check_metadata_declared

if TYPE_CHECKING:
    from chalicelib.contracts.indexes import TenantStates
    from chalicelib.wiring.api import ApiParts

UPLOAD_SECONDS = 15 * 60
_FILE_NAME_VARIABLE = "${"
"""A form puts the name of the file for `${filename}`, so that the key would be a prefix only.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
"""


class DocumentLookup(Protocol):
    """Looks up a document of a tenant."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return one document of the tenant."""


class DocumentCatalog(DocumentLookup, DocumentListing, Declarations, Protocol):
    """Looks up and lists documents of a tenant, and their versions."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return one upload of a document, or None."""


class UploadAnnouncements(Protocol):
    """Uploads that were announced, and have not come."""

    def announce_upload(self, tenant: str, document_id: str, upload_id: str, now: datetime) -> None:
        """Record that the request `upload_id` announced an upload of the document."""

    def cancel_uploads(self, tenant: str, document_id: str) -> int:
        """Let no upload come that was announced and has not; return how many there were."""


class UploadSigner(Protocol):
    """Signs upload forms."""

    def __call__(
        self, key: str, *, max_bytes: int, seconds: int, metadata: Mapping[str, str]
    ) -> PresignedUpload:
        """Return a form that uploads 1 to `max_bytes` bytes to `key` within `seconds`."""


@dataclass(frozen=True, slots=True)
class DocumentServices:
    """The collaborators of the views of this module."""

    records: DocumentCatalog
    uploads: UploadAnnouncements
    tenants: TenantStates
    answers: ResponseRecords
    sign: UploadSigner
    language_notice: LanguageNotice
    max_file_bytes: int
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> DocumentServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    settings = parts.settings

    def language_notice(tenant: str, language: str) -> str:
        from chalicelib.generation.catalogue import catalogue, language_notice

        index = parts.records.live_index(tenant)
        return language_notice(language, index.model, catalogue()) if index else ""

    return DocumentServices(
        records=parts.records,
        uploads=parts.records,
        tenants=parts.records,
        answers=parts.records,
        sign=parts.sign_upload,
        language_notice=language_notice,
        max_file_bytes=settings.max_file_bytes,
        now=utcnow,
    )


def routes(services: Callable[[], DocumentServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/documents", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "documents",
            {201: CreateDocumentResponse},
            body=CreateDocumentRequest,
            once=True,
            errors=(Conflict,),
        ),
    )
    def create_document() -> Response:
        """Announce a file, and get a form that uploads it to S3.

        Send `upload.fields` and then the file as a form to `upload.url`, within 15 minutes. There
        is no document until the file has arrived; a second upload to the same path is a new
        version of the same document.
        """
        request, deps = blueprint.current_request, services()
        body = parse_body(request, CreateDocumentRequest)
        return run_once(request, deps.answers, lambda: _create(request, body, deps), status=201)

    @blueprint.route("/v1/documents", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, LISTING)
    def list_documents() -> Response:
        """List documents by id, or those that were changed last first, a page at a time.

        A page may hold fewer than `limit`, even none, and go on behind its cursor.
        """
        deps = services()
        return json_response(
            list_page(blueprint.current_request, deps.records, deps.language_notice)
        )

    @blueprint.route("/v1/documents/{document_id}", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("documents", {200: Document}, errors=(NotFound,)))
    def get_document(document_id: str) -> Response:
        """Show a document: what became of its newest upload, and the version that answers."""
        tenant, deps = tenant_of(blueprint.current_request), services()
        document = existing_document(tenant, document_id, deps.records)
        shown = _with_progress(tenant, document, deps.records)
        notice = deps.language_notice(tenant, shown.language) if shown.language else ""
        return json_response(with_notice(shown, notice))

    return blueprint


def _create(
    request: Request, body: CreateDocumentRequest, deps: DocumentServices
) -> CreateDocumentResponse:
    """Return where to upload; there is no document until the upload arrives."""
    if body.bytes == 0:
        raise InvalidInput("The file is empty.", field="bytes", limit="1")
    if body.bytes > deps.max_file_bytes:
        raise InvalidInput(
            f"The file has {body.bytes} bytes; at most {deps.max_file_bytes} are taken.",
            field="bytes",
            limit=str(deps.max_file_bytes),
        )
    _refuse_while_removed(tenant_of(request), deps)
    place = _inbox_place(tenant_of(request), body)
    metadata = check_metadata(body.metadata)
    if metadata:
        check_metadata_declared(metadata, deps.records.declaration(place.tenant, place.collection))
    upload_id = request_id_of(request)
    deps.uploads.announce_upload(place.tenant, place.document_id, upload_id, deps.now())
    carried = InboxMetadata(correlation_id=upload_id, metadata=metadata)
    upload = deps.sign(
        place.key,
        max_bytes=deps.max_file_bytes,
        seconds=UPLOAD_SECONDS,
        metadata=carried.written(),
    )
    return CreateDocumentResponse(
        document_id=place.document_id,
        upload=upload,
        expires_at=deps.now() + timedelta(seconds=UPLOAD_SECONDS),
    )


def _refuse_while_removed(tenant: str, deps: DocumentServices) -> None:
    state = deps.tenants.tenant_state(tenant)
    if state is not None and state.removing:
        raise Conflict(
            f"The tenant is being removed by the job {state.removing}; nothing can be uploaded.",
            field="tenant",
        )


def _inbox_place(tenant: str, body: CreateDocumentRequest) -> InboxPlace:
    if any(part in {"", ".", ".."} for part in body.path.split("/")):
        raise InvalidInput(
            "The path must be relative, without empty, '.' or '..' parts.", field="path"
        )
    if _FILE_NAME_VARIABLE in body.path:
        raise InvalidInput(
            f"The path holds {_FILE_NAME_VARIABLE!r}, by which S3's forms mean a variable.",
            field="path",
        )
    return parse_inbox_key(InboxPlace(tenant, body.collection, body.path).key)


def existing_document(tenant: str, document_id: str, records: DocumentLookup) -> Document:
    """Return the tenant's document, or raise `NotFound`."""
    document = records.document(tenant, document_id)
    if document is None:
        raise NotFound(f"There is no document {document_id}.", field="document_id")
    return document


def _with_progress(tenant: str, document: Document, records: DocumentCatalog) -> Document:
    """Return `document` with how far the work on its newest upload is, if it is done in parts."""
    if document.status != "processing":
        return document
    newest = records.version(tenant, document.document_id, document.latest_version)
    return document.model_copy(update={"progress": newest.progress if newest else None})
