"""`/v1/documents/{document_id}/pages`: the text of a page, and its picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, cast, get_args

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.documents import DocumentLookup, existing_document
from chalicelib.api.http import (
    json_response,
    query_value,
    request_id_of,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.page_layouts import page_layout
from chalicelib.api.page_queries import (
    END,
    FORMAT,
    HIGHLIGHT,
    REDIRECT,
    START,
    VERSION,
    WORDS,
    RequestedRange,
    character_range,
    choice,
    highlights,
)
from chalicelib.api.page_times import page_timing
from chalicelib.contracts.document_content import (
    MAX_PAGE_CHARACTERS,
    MAX_WORD_CHARACTERS,
    PageContent,
    PageFormat,
    PageHeading,
    PageImage,
    PageLayout,
    PageTiming,
)
from chalicelib.contracts.documents import Version
from chalicelib.contracts.functions.render_page import (
    PDF,
    RenderPageRequest,
    RenderPageResult,
)
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.operations import Operation
from chalicelib.documents.markdown import code_markdown, page_markdown
from chalicelib.documents.pages import stored_page
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.retrieval.ids import pages_key

if TYPE_CHECKING:
    from chalicelib.api.jobs import DownloadSigner
    from chalicelib.wiring.api import ApiParts

DOWNLOAD_SECONDS = 15 * 60
_FOUND = 302
_PNG = ".png"
_CODE = "text/x-"
"""The beginning of the media types of source code."""


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


class PageRenderer(Protocol):
    """Renders pages as pictures."""

    def render(self, request: RenderPageRequest) -> RenderPageResult:
        """Return the picture of a page; raise `InvalidInput`, `Unsupported` or `Conflict`."""


@dataclass(frozen=True, slots=True)
class DocumentPageServices:
    """The collaborators of the views of this module."""

    records: VersionHistory
    objects: ObjectStreams
    renderer: Callable[[], PageRenderer]
    """Returns what renders pages."""
    sign: DownloadSigner
    bucket: str
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> DocumentPageServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    settings = parts.settings

    def renderer() -> PageRenderer:
        from chalicelib.adapters import aws
        from chalicelib.adapters.functions import RenderFunction

        return RenderFunction(aws.renderings(), settings.render_function)

    return DocumentPageServices(
        records=parts.records,
        objects=parts.batch_objects,
        renderer=renderer,
        sign=parts.downloads.sign,
        bucket=settings.bucket,
        now=utcnow,
    )


def routes(
    services: Callable[[], DocumentPageServices], authorizer: ChaliceAuthorizer
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
            {200: PageContent, _FOUND: PageImage},
            query=(VERSION, START, END, WORDS, FORMAT, HIGHLIGHT, REDIRECT),
            errors=(NotFound, Conflict),
        ),
    )
    def get_page(document_id: str, page: str) -> Response:
        """Show the text of a page, as passages and citations count its characters.

        `words=true` adds where its words stand on the page, of a recording when each is said and by
        whom, and `format=markdown` writes it so.
        With `.png` behind the number, the answer is 302, and `Location` has the page of a PDF, or
        a picture, as PNG; with `redirect=false` it is 200, and `url` in the body has it.
        """
        request, deps = blueprint.current_request, services()
        if page.endswith(_PNG):
            return _image(request, document_id, page.removesuffix(_PNG), deps)
        return json_response(_page(request, document_id, page, deps))

    return blueprint


def opened_version(
    request: Request, document_id: str, records: VersionHistory
) -> tuple[Version, bool]:
    """Return the version that the request names, and whether it answers queries now."""
    tenant = tenant_of(request)
    document = existing_document(tenant, document_id, records)
    wanted = query_value(request, "version") or document.version
    if not wanted:
        raise NotFound(
            f"No version of {document_id} can be opened: its upload is {document.status}.",
            field="version",
        )
    version = records.version(tenant, document_id, wanted)
    if version is None:
        raise NotFound(
            f"{document_id} has no version {wanted}; GET /v1/documents/{document_id}/versions"
            " lists those that it has.",
            field="version",
        )
    return version, wanted == document.version


def _page(
    request: Request, document_id: str, number: str, deps: DocumentPageServices
) -> PageContent:
    version, current = opened_version(request, document_id, deps.records)
    page = _read_page(tenant_of(request), version, _page_number(number, version), deps)
    with_words = choice(request, "words", ("false", "true")) == "true"
    form = choice(request, "format", get_args(PageFormat))
    limit = MAX_WORD_CHARACTERS if with_words else MAX_PAGE_CHARACTERS
    start, end = character_range(request, len(page.text), limit)
    text = page.text[start:end]
    if form == "markdown":
        text = _markdown(page, start, end, version.media_type)
    layout, timing = (
        _words(RequestedRange(tenant_of(request), version, page, range(start, end)), deps)
        if with_words
        else (None, None)
    )
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
        text=text,
        format=cast("PageFormat", form),
        headings=tuple(
            PageHeading(start=at, text=text) for at, text in page.headings if start <= at < end
        ),
        layout=layout,
        timing=timing,
    )


def _words(
    shown: RequestedRange, deps: DocumentPageServices
) -> tuple[PageLayout, PageTiming | None]:
    """Return where the words stand on the page, and of a recording when they are said or shown."""

    def stream(key: str) -> Iterator[bytes]:
        return deps.objects.stream(deps.bucket, key)

    return page_layout(shown, stream), page_timing(shown, stream)


def _markdown(page: Page, start: int, end: int, media_type: str) -> str:
    text = page.text[start:end]
    if media_type.startswith(_CODE):
        return code_markdown(text, media_type.removeprefix(_CODE))
    return page_markdown(text, page.headings, start)


def _image(request: Request, document_id: str, number: str, deps: DocumentPageServices) -> Response:
    version, _ = opened_version(request, document_id, deps.records)
    page = _page_number(number, version)
    if version.media_type != PDF and not version.media_type.startswith("image/"):
        raise NotFound(
            f"A page of {version.media_type} has no picture; GET /v1/documents/{document_id}/pages/"
            f"{page} has its text.",
            field="page",
        )
    made = deps.renderer().render(
        RenderPageRequest(
            tenant=tenant_of(request),
            document_id=document_id,
            version=version.version,
            media_type=version.media_type,
            page=page,
            highlights=highlights(query_value(request, "highlight")),
            bucket=deps.bucket,
            correlation_id=request_id_of(request),
        )
    )
    url = deps.sign(made.key, name=f"{version.version}-{page}.png", seconds=DOWNLOAD_SECONDS)
    shown = PageImage(
        document_id=document_id,
        version=version.version,
        page=page,
        width=made.width,
        height=made.height,
        highlighted=made.highlighted,
        url=url,
        expires_at=deps.now() + timedelta(seconds=DOWNLOAD_SECONDS),
    )
    if choice(request, "redirect", ("true", "false")) == "false":
        return json_response(shown)
    answer = json_response(shown, _FOUND)
    answer.headers["Location"] = url
    return answer


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


def _read_page(tenant: str, version: Version, number: int, deps: DocumentPageServices) -> Page:
    pieces = deps.objects.stream(
        deps.bucket, pages_key(tenant, version.document_id, version.version)
    )
    page = stored_page(pieces, number)
    if page is None:
        raise Conflict(f"Page {number} of {version.path} is missing from its text.", field="page")
    return page
