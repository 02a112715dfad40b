"""Removal of a document, of a collection's documents, or of everything of a tenant.

A large document, a collection and a tenant are removed by jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api import jobs
from chalicelib.api.documents import DocumentLookup, UploadAnnouncements, existing_document
from chalicelib.api.http import json_response, parse_body, request_id_of, serve_operation, tenant_of
from chalicelib.api.jobs import ACCEPTED, JobServices, new_job_input, with_backups
from chalicelib.contracts.jobs import Job, JobInput, RemoveTenantRequest
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.removals import Removed, RemovedDocument
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.jobs.removals import BACKUPS, needs_job
from chalicelib.retrieval.ids import check_collection

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document
    from chalicelib.contracts.indexes import TenantStates
    from chalicelib.contracts.removals import RemovalBound
    from chalicelib.wiring.api import ApiParts


class RemovalStarter(Protocol):
    """Removes documents."""

    def begin(self, tenant: str, document: Document) -> RemovalBound:
        """Exclude the document from queries; return what a removal that begins now covers."""

    def remove(self, tenant: str, document: Document) -> Removed:
        """Remove the document's vectors, objects and records; may be repeated."""


@dataclass(frozen=True, slots=True)
class RemovalServices:
    """The collaborators of the views of this module."""

    jobs: JobServices
    tenants: TenantStates
    documents: DocumentLookup
    uploads: UploadAnnouncements
    remover: Callable[[], RemovalStarter]
    """Returns what removes; its clients are made only when something is removed."""


def build_services(parts: ApiParts) -> RemovalServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    return RemovalServices(
        jobs=jobs.build_services(parts),
        tenants=parts.records,
        documents=parts.records,
        uploads=parts.records,
        remover=lambda: parts.removal,
    )


def routes(services: Callable[[], RemovalServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/documents/{document_id}", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("documents", {200: RemovedDocument, 202: Job}, errors=(NotFound, Conflict)),
    )
    def delete_document(document_id: str) -> Response:
        """Remove a document with all its versions.

        A large one is removed by a job, and the answer is 202 with it. Uploads that were announced
        and have not become a version yet never will.
        """
        request, deps = blueprint.current_request, services()
        tenant = tenant_of(request)
        cancelled = deps.uploads.cancel_uploads(tenant, document_id)
        if cancelled and deps.documents.document(tenant, document_id) is None:
            return json_response(
                RemovedDocument(document_id=document_id, removed=Removed(), backups=BACKUPS)
            )
        document = existing_document(tenant, document_id, deps.documents)
        if needs_job(document):
            bound = deps.remover().begin(tenant, document)
            job = _remove_later(deps.jobs, tenant, document_id, bound, request_id_of(request))
            return json_response(job, ACCEPTED)
        removed = deps.remover().remove(tenant, document)
        return json_response(
            RemovedDocument(document_id=document_id, removed=removed, backups=BACKUPS)
        )

    @blueprint.route("/v1/tenant", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("jobs", {202: Job}, body=RemoveTenantRequest, errors=(Conflict,)),
    )
    def remove_tenant() -> Response:
        """Remove everything of the tenant, by a job.

        The body repeats the tenant's name, so that nobody does it unawares.
        """
        request, deps = blueprint.current_request, services()
        body, tenant = parse_body(request, RemoveTenantRequest), tenant_of(request)
        if body.tenant != tenant:
            raise InvalidInput(
                "tenant has to repeat the name of the tenant that this key acts for.",
                field="tenant",
            )
        state = deps.tenants.tenant_state(tenant)
        running = deps.jobs.records.state(tenant, state.removing) if state else None
        if running is not None and running.job.status == "failed":
            return json_response(with_backups(deps.jobs.launcher.retry(running)), ACCEPTED)
        if running is not None:
            return json_response(with_backups(running.job), ACCEPTED)
        given = new_job_input(request, deps.jobs, "remove_tenant")
        return json_response(with_backups(deps.jobs.launcher.launch(given)), ACCEPTED)

    @blueprint.route("/v1/collections/{name}/documents", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("jobs", {202: Job}, errors=(Conflict,)))
    def remove_documents(name: str) -> Response:
        """Remove all documents of a collection, by a job."""
        request, deps = blueprint.current_request, services()
        check_collection(name)
        given = new_job_input(request, deps.jobs, "remove_collection", collection=name)
        return json_response(with_backups(deps.jobs.launcher.launch(given)), ACCEPTED)

    return blueprint


def _remove_later(
    deps: JobServices, tenant: str, document_id: str, bound: RemovalBound, correlation_id: str
) -> Job:
    """Begin the removal of one document that is too large to be removed at once."""
    given = JobInput(
        tenant=tenant,
        job_id=deps.new_id(deps.now()),
        kind="remove_document",
        bucket=deps.bucket,
        correlation_id=correlation_id,
        document_id=document_id,
        bound=bound,
    )
    return with_backups(deps.launcher.launch(given))
