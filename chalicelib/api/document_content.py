"""`/v1/documents/{document_id}/original` and `/versions`, and `/v1/answers`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.document_pages import DOWNLOAD_SECONDS, VersionHistory, opened_version
from chalicelib.api.documents import existing_document
from chalicelib.api.http import (
    json_response,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.page_queries import VERSION
from chalicelib.contracts.answers import Citation
from chalicelib.contracts.document_content import (
    DocumentVersion,
    DocumentVersionList,
    GivenAnswer,
    OriginalFile,
)
from chalicelib.contracts.operations import Operation
from chalicelib.errors import NotFound
from chalicelib.retrieval.ids import version_prefix

if TYPE_CHECKING:
    from chalicelib.api.jobs import DownloadSigner
    from chalicelib.retrieval.answer.answer_log import EmbeddedAnswer
    from chalicelib.wiring.api import ApiParts


class AnswerLookup(Protocol):
    """The answers that were given."""

    def get_answer(self, tenant: str, asked_id: str) -> EmbeddedAnswer | None:
        """Return an answer or a search, or None if there is none or it has expired."""


@dataclass(frozen=True, slots=True)
class DocumentContentServices:
    """The collaborators of the views of this module."""

    records: VersionHistory
    answers: AnswerLookup
    sign: DownloadSigner
    bucket: str
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> DocumentContentServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    return DocumentContentServices(
        records=parts.records,
        answers=parts.ratings,
        sign=parts.downloads.sign,
        bucket=parts.settings.bucket,
        now=utcnow,
    )


def routes(
    services: Callable[[], DocumentContentServices], authorizer: ChaliceAuthorizer
) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/documents/{document_id}/original", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("documents", {200: OriginalFile}, query=(VERSION,), errors=(NotFound,)),
    )
    def get_original(document_id: str) -> Response:
        """Show where the file can be downloaded as it was uploaded, for 15 minutes."""
        return json_response(_original(blueprint.current_request, document_id, services()))

    @blueprint.route("/v1/documents/{document_id}/versions", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("documents", {200: DocumentVersionList}, errors=(NotFound,))
    )
    def list_document_versions(document_id: str) -> Response:
        """List the versions of a document, newest first; each can be opened."""
        return json_response(_versions(blueprint.current_request, document_id, services()))

    @blueprint.route("/v1/answers/{answer_id}", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("answers", {200: GivenAnswer}, errors=(NotFound,)))
    def get_answer(answer_id: str) -> Response:
        """Show an answer of the last 30 days again, with the passages that it cites."""
        return json_response(_answer(blueprint.current_request, answer_id, services()))

    return blueprint


def _original(request: Request, document_id: str, deps: DocumentContentServices) -> OriginalFile:
    version, _ = opened_version(request, document_id, deps.records)
    if not version.sha256:
        raise NotFound(
            f"The file of {version.version} was not kept: its upload is {version.status}.",
            field="version",
        )
    name = version.path.rsplit("/", 1)[-1]
    prefix = version_prefix(tenant_of(request), document_id, version.version)
    return OriginalFile(
        document_id=document_id,
        version=version.version,
        name=name,
        media_type=version.media_type,
        bytes=version.bytes,
        sha256=version.sha256,
        url=deps.sign(prefix + "source", name=name, seconds=DOWNLOAD_SECONDS),
        expires_at=deps.now() + timedelta(seconds=DOWNLOAD_SECONDS),
    )


def _versions(
    request: Request, document_id: str, deps: DocumentContentServices
) -> DocumentVersionList:
    tenant = tenant_of(request)
    document = existing_document(tenant, document_id, deps.records)
    found = sorted(
        deps.records.versions(tenant, document_id), key=lambda each: each.order, reverse=True
    )
    return DocumentVersionList(
        items=tuple(
            DocumentVersion.model_validate(
                {**each.model_dump(), "current": each.version == document.version}
            )
            for each in found
        )
    )


def _answer(request: Request, answer_id: str, deps: DocumentContentServices) -> GivenAnswer:
    kept = deps.answers.get_answer(tenant_of(request), answer_id)
    if kept is None or kept.answer.kind != "answer":
        raise NotFound(
            f"There is no answer {answer_id}; answers are kept for 30 days.", field="answer_id"
        )
    answer = kept.answer
    return GivenAnswer(
        answer_id=answer.id,
        question=answer.question,
        asked_as=answer.asked_as,
        answer=answer.answer,
        tier=answer.tier,
        outcome=answer.outcome,
        citations=tuple(
            Citation(n=n, **span.model_dump()) for n, span in enumerate(answer.numbered, 1)
        ),
        asked_at=answer.asked_at,
    )
