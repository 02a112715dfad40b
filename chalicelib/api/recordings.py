"""`/v1/documents/{document_id}/captions` and `/outline`: what is said in a recording, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.document_pages import (
    DOWNLOAD_SECONDS,
    ObjectStreams,
    VersionHistory,
    opened_version,
)
from chalicelib.api.http import json_response, serve_operation, tenant_of, utcnow
from chalicelib.api.page_queries import CAPTION_FORM, VERSION, caption_form
from chalicelib.contracts.document_content import CaptionFile, RecordingOutline
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.outlines import Outline
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.media.containers import is_recording
from chalicelib.retrieval.ids import captions_key, outline_key

if TYPE_CHECKING:
    from chalicelib.api.jobs import DownloadSigner
    from chalicelib.contracts.documents import Version
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class RecordingServices:
    """The collaborators of the views of this module."""

    records: VersionHistory
    objects: ObjectStreams
    sign: DownloadSigner
    bucket: str
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> RecordingServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    return RecordingServices(
        records=parts.records,
        objects=parts.batch_objects,
        sign=parts.downloads.sign,
        bucket=parts.settings.bucket,
        now=utcnow,
    )


def routes(services: Callable[[], RecordingServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/documents/{document_id}/captions", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "documents",
            {200: CaptionFile},
            query=(VERSION, CAPTION_FORM),
            errors=(InvalidInput, NotFound),
        ),
    )
    def get_captions(document_id: str) -> Response:
        """Show where the captions of a recording can be downloaded, for 15 minutes."""
        return json_response(_captions(blueprint.current_request, document_id, services()))

    @blueprint.route("/v1/documents/{document_id}/outline", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("documents", {200: RecordingOutline}, query=(VERSION,), errors=(NotFound,)),
    )
    def get_outline(document_id: str) -> Response:
        """Show the chapters of a recording, with the sentences that sum up each."""
        return json_response(_outline(blueprint.current_request, document_id, services()))

    return blueprint


def _captions(request: Request, document_id: str, deps: RecordingServices) -> CaptionFile:
    form = caption_form(request)
    version = _recording(request, document_id, deps, "captions")
    name = f"{version.path.rsplit('/', 1)[-1]}.{_ENDINGS.get(form, form)}"
    key = captions_key(tenant_of(request), document_id, version.version, form)
    return CaptionFile(
        document_id=document_id,
        version=version.version,
        format=form,
        name=name,
        url=deps.sign(key, name=name, seconds=DOWNLOAD_SECONDS),
        expires_at=deps.now() + timedelta(seconds=DOWNLOAD_SECONDS),
    )


def _outline(request: Request, document_id: str, deps: RecordingServices) -> RecordingOutline:
    version = _recording(request, document_id, deps, "outline")
    key = outline_key(tenant_of(request), document_id, version.version)
    try:
        body = b"".join(deps.objects.stream(deps.bucket, key))
    except NotFound as error:
        raise NotFound(
            "This version was read before recordings had outlines; upload the file again to have"
            " one.",
            field="version",
        ) from error
    told = Outline.model_validate_json(body)
    return RecordingOutline(
        document_id=document_id,
        version=version.version,
        speakers=told.speakers,
        chapters=told.chapters,
    )


def _recording(request: Request, document_id: str, deps: RecordingServices, wanted: str) -> Version:
    version, _ = opened_version(request, document_id, deps.records)
    if not is_recording(version.media_type):
        raise NotFound(
            f"{version.path} has no {wanted}: sound and film that are ready do.",
            field="document_id",
        )
    return version


_ENDINGS = {"chapters": "chapters.vtt"}
"""Endings of names that differ from the form."""
