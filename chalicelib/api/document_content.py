"""What is cited, opened: pages, originals and versions of documents, and `/v1/answers`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.documents import DocumentLookup, existing_document
from chalicelib.api.http import json_response, query_value, serve_operation, tenant_of, utcnow
from chalicelib.contracts.answers import Citation
from chalicelib.contracts.document_content import (
    MAX_PAGE_CHARACTERS,
    DocumentVersion,
    DocumentVersionList,
    GivenAnswer,
    OriginalFile,
    PageContent,
    PageHeading,
)
from chalicelib.contracts.documents import Version
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.operations import Operation, Parameter
from chalicelib.documents.pages import stored_page
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.retrieval.ids import pages_key, version_prefix

if TYPE_CHECKING:
    from chalicelib.api.jobs import DownloadSigner
    from chalicelib.retrieval.answer.answer_log import EmbeddedAnswer
    from chalicelib.wiring.api import ApiParts

DOWNLOAD_SECONDS = 15 * 60
_VERSION = Parameter(
    "version",
    "The version to open; left out, the one that answers queries.",
    {"type": "string", "minLength": 1, "maxLength": 64},
)
_START = Parameter(
    "start", "The first character to return.", {"type": "integer", "minimum": 0, "default": 0}
)
_END = Parameter(
    "end",
    f"The character to end before; at most {MAX_PAGE_CHARACTERS} are returned at once.",
    {"type": "integer", "minimum": 1},
)


class VersionHistory(DocumentLookup, Protocol):
    """Looks up documents and their versions."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return one version of a document of the tenant, or None."""

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""


class ObjectStreams(Protocol):
    """Objects that are read in pieces."""

    def stream(self, bucket: str, key: str) -> Iterator[bytes]:
        """Yield the bytes of an object in pieces; raise `NotFound`."""


class AnswerLookup(Protocol):
    """The answers that were given."""

    def get_answer(self, tenant: str, asked_id: str) -> EmbeddedAnswer | None:
        """Return an answer or a search, or None if there is none or it has expired."""


@dataclass(frozen=True, slots=True)
class DocumentContentServices:
    """The collaborators of the views of this module."""

    records: VersionHistory
    objects: ObjectStreams
    answers: AnswerLookup
    sign: DownloadSigner
    bucket: str
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> DocumentContentServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.s3 import S3Downloads

    bucket = parts.settings.bucket
    return DocumentContentServices(
        records=parts.records,
        objects=parts.batch_objects,
        answers=parts.ratings,
        sign=S3Downloads(aws.s3(), bucket).sign,
        bucket=bucket,
        now=utcnow,
    )


def routes(
    services: Callable[[], DocumentContentServices], authorizer: ChaliceAuthorizer
) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route(
        "/v1/documents/{document_id}/pages/{page}", methods=["GET"], authorizer=authorizer
    )
    @serve_operation(
        blueprint,
        Operation(
            "documents",
            {200: PageContent},
            query=(_VERSION, _START, _END),
            errors=(NotFound, Conflict),
        ),
    )
    def get_page(document_id: str, page: str) -> Response:
        """Show the text of a page, as passages and citations count its characters."""
        return json_response(_page(blueprint.current_request, document_id, page, services()))

    @blueprint.route("/v1/documents/{document_id}/original", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("documents", {200: OriginalFile}, query=(_VERSION,), errors=(NotFound,)),
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


def _opened(
    request: Request, document_id: str, deps: DocumentContentServices
) -> tuple[Version, bool]:
    """Return the version that the request names, and whether it answers queries now."""
    tenant = tenant_of(request)
    document = existing_document(tenant, document_id, deps.records)
    wanted = query_value(request, "version") or document.version
    if not wanted:
        raise NotFound(
            f"No version of {document_id} can be opened: its upload is {document.status}.",
            field="version",
        )
    version = deps.records.version(tenant, document_id, wanted)
    if version is None:
        raise NotFound(
            f"{document_id} has no version {wanted}; GET /v1/documents/{document_id}/versions"
            " lists those that it has.",
            field="version",
        )
    return version, wanted == document.version


def _page(
    request: Request, document_id: str, number: str, deps: DocumentContentServices
) -> PageContent:
    version, current = _opened(request, document_id, deps)
    page = _read_page(tenant_of(request), version, _page_number(number, version), deps)
    start, end = _range(request, len(page.text))
    return PageContent(
        document_id=document_id,
        version=version.version,
        current=current,
        collection=version.collection,
        path=version.path,
        media_type=version.media_type,
        page=page.page,
        pages=version.pages,
        characters=len(page.text),
        start=start,
        end=end,
        text=page.text[start:end],
        headings=tuple(
            PageHeading(start=at, text=text) for at, text in page.headings if start <= at < end
        ),
    )


def _page_number(text: str, version: Version) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput("A page is a number from 1.", field="page", limit=str(version.pages))
    if not 1 <= int(text) <= version.pages:
        raise NotFound(
            f"{version.path} has {version.pages} pages, and no page {text}."
            if version.pages
            else f"{version.path} has no page: its upload is {version.status}.",
            field="page",
            limit=str(version.pages),
        )
    return int(text)


def _read_page(tenant: str, version: Version, number: int, deps: DocumentContentServices) -> Page:
    pieces = deps.objects.stream(
        deps.bucket, pages_key(tenant, version.document_id, version.version)
    )
    page = stored_page(pieces, number)
    if page is None:
        raise Conflict(f"Page {number} of {version.path} is missing from its text.", field="page")
    return page


def _range(request: Request, characters: int) -> tuple[int, int]:
    """Return the range of characters that the request names, within the page."""
    start = _offset(request, "start", 0)
    end = min(_offset(request, "end", characters), start + MAX_PAGE_CHARACTERS, characters)
    if start > characters or end < start:
        raise InvalidInput(
            f"The range must lie within the {characters} characters of the page.",
            field="start",
            limit=str(characters),
        )
    return start, end


def _offset(request: Request, name: str, default: int) -> int:
    text = query_value(request, name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput(f"{name} is a number of characters, from 0.", field=name)
    return int(text)


def _original(request: Request, document_id: str, deps: DocumentContentServices) -> OriginalFile:
    version, _ = _opened(request, document_id, deps)
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
        citations=tuple(
            Citation(n=n, **span.model_dump()) for n, span in enumerate(answer.cited, 1)
        ),
        asked_at=answer.asked_at,
    )
