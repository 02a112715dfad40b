"""`POST /v1/audio/transcriptions` and `/translations`: speech as text, for OpenAI's clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import FORM, json_response, raw_body, request_id_of, serve_operation
from chalicelib.api.openai.errors import openai_error
from chalicelib.contracts.openai.transcriptions import (
    Transcription,
    TranscriptionForm,
    TranslationForm,
)
from chalicelib.contracts.operations import Operation
from chalicelib.errors import ModelFailure, NotFound, Unsupported

if TYPE_CHECKING:
    from chalicelib.contracts.functions.transcribe_speech import (
        TranscribeRequest,
        TranscribeResult,
    )
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.wiring.api import ApiParts


class Transcriber(Protocol):
    """Transcribes speech, as the function `transcribe_speech` does."""

    def write_down(self, request: TranscribeRequest) -> TranscribeResult:
        """Return the speech of a WAV file."""


@dataclass(frozen=True, slots=True)
class TranscriptionServices:
    """The collaborators of the views; `receipt` prices a model's seconds."""

    transcriber: Transcriber
    receipt: Callable[[str, float], Receipt]


def build_services(parts: ApiParts) -> TranscriptionServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.speech_function import TranscribeFunction
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.openai.transcriptions import receipt_of

    memory_mb = parts.settings.transcribe_memory_mb

    def receipt(model: str, seconds: float) -> Receipt:
        return receipt_of(model, seconds, memory_mb, catalogue().cost)

    return TranscriptionServices(
        TranscribeFunction(aws.transcriptions(), parts.settings.transcribe_function), receipt
    )


def routes(
    services: Callable[[], TranscriptionServices], authorizer: ChaliceAuthorizer
) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)
    errors = (NotFound, Unsupported, ModelFailure)

    @blueprint.route(
        "/v1/audio/transcriptions", methods=["POST"], authorizer=authorizer, content_types=[FORM]
    )
    @serve_operation(
        blueprint,
        Operation("openai", {200: Transcription}, form=TranscriptionForm, errors=errors),
        openai_error,
    )
    def create_transcription() -> Response:
        """Write down the speech of a WAV file of 4.4 MB at most, about two minutes.

        Longer recordings, and other formats, are uploaded as documents. `response_format` is
        `json`, `verbose_json`, `text`, `srt` or `vtt`; the last three answer with a text.
        """
        return _response(blueprint.current_request, TranscriptionForm, services())

    @blueprint.route(
        "/v1/audio/translations", methods=["POST"], authorizer=authorizer, content_types=[FORM]
    )
    @serve_operation(
        blueprint,
        Operation("openai", {200: Transcription}, form=TranslationForm, errors=errors),
        openai_error,
    )
    def create_translation() -> Response:
        """Write down the speech of a WAV file in English, whichever language it is in.

        Limits and formats are those of transcriptions.
        """
        return _response(blueprint.current_request, TranslationForm, services())

    return blueprint


def _response(
    request: Request, kind: type[TranslationForm], deps: TranscriptionServices
) -> Response:
    from chalicelib.openai.multipart import form_fields
    from chalicelib.openai.transcriptions import form_of, request_of, response_of

    fields = form_fields(request.headers.get("content-type", ""), raw_body(request))
    form, file = form_of(fields, kind)
    found = deps.transcriber.write_down(request_of(form, file, request_id_of(request)))
    receipt = deps.receipt(found.model, found.seconds)
    answer = response_of(form, found.transcript, receipt)
    if isinstance(answer, Transcription):
        return json_response(answer)
    text, media_type = answer
    return Response(body=text, status_code=200, headers={"Content-Type": media_type})
