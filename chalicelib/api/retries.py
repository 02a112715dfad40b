"""`POST /v1/documents/{document_id}/retry`: another attempt at a failed ingest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.documents import DocumentLookup, existing_document
from chalicelib.api.http import parse_body, request_id_of, serve_operation, tenant_of
from chalicelib.api.idempotency import run_once
from chalicelib.contracts.arrivals import RetryDetail, RetryWanted
from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.uploads import RetryDocumentRequest
from chalicelib.errors import Conflict, NotFound

if TYPE_CHECKING:
    from chalicelib.api.idempotency import ResponseRecords
    from chalicelib.wiring.api import ApiParts

ACCEPTED = 202


class VersionLookup(DocumentLookup, Protocol):
    """Looks up documents and their versions."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return one version of a document of the tenant."""


@dataclass(frozen=True, slots=True)
class RetryServices:
    """The collaborators of the view of this module."""

    records: VersionLookup
    answers: ResponseRecords
    queue: RetryQueue


def build_services(parts: ApiParts) -> RetryServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    return RetryServices(records=parts.records, answers=parts.records, queue=parts.inbox)


def routes(services: Callable[[], RetryServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/documents/{document_id}/retry", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "documents",
            {202: Document},
            body=RetryDocumentRequest,
            body_may_be_left_out=True,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def retry_document(document_id: str) -> Response:
        """Ask for another attempt at a document whose newest upload failed."""
        request, deps = blueprint.current_request, services()
        if request.raw_body:
            parse_body(request, RetryDocumentRequest)
        tenant, request_id = tenant_of(request), request_id_of(request)
        return run_once(
            request, deps.answers, lambda: _retry(tenant, document_id, request_id, deps), ACCEPTED
        )

    return blueprint


def _retry(tenant: str, document_id: str, request_id: str, deps: RetryServices) -> Document:
    """Request one more attempt; two requests for the same failed attempt cause one.

    Raises `NotFound`, or `Conflict` for a document whose newest upload has not failed.
    """
    document = existing_document(tenant, document_id, deps.records)
    version = deps.records.version(tenant, document_id, document.latest_version)
    if document.status != "failed" or version is None or version.status != "failed":
        raise Conflict(
            f"The document is {document.status}; only one that failed can be tried again.",
            field="document_id",
        )
    detail = RetryDetail(
        tenant=tenant,
        document_id=document_id,
        version=version.version,
        failed_attempt=version.attempt,
    )
    deps.queue.send_retry(RetryWanted(id=request_id, detail=detail))
    return document


class RetryQueue(Protocol):
    """The inbox queue, as far as the API speaks to it."""

    def send_retry(self, wanted: RetryWanted) -> None:
        """Send the wish to run a failed version again; it is kept on return."""
