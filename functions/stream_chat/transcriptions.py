"""`POST /v1/audio/transcriptions` and `/translations`: speech as text, for OpenAI's clients.

https://platform.openai.com/docs/api-reference/audio
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.contracts.http import Head, Streamed
from chalicelib.contracts.openai.transcriptions import (
    Transcription,
    TranscriptionForm,
    TranscriptTextDelta,
    TranscriptTextDone,
    TranslationForm,
)
from chalicelib.contracts.operations import Media, Operation
from chalicelib.contracts.receipts import ReceiptLine, dollars
from chalicelib.contracts.speech import TranscribeOutput
from chalicelib.errors import HeadraceError, ModelFailure, NotFound, Unsupported
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.openai.errors import error_response
from chalicelib.openai.multipart import form_fields
from chalicelib.openai.transcriptions import (
    SpokenPart,
    form_of,
    is_streamed,
    joined,
    language_of,
    receipt_of,
    response_of,
    terms,
    transcribe_call,
    usage_of,
)
from functions.stream_chat.route import (
    Deps,
    RouteRequest,
    event_stream,
    json_answer,
    server_sent_event,
    text_answer,
)

if TYPE_CHECKING:
    from chalicelib.contracts.functions.read_media import DecodedSound
    from chalicelib.contracts.generations import Generation

FORM = "multipart/form-data"
MAX_SECONDS = 280
"""Seconds in which the whole recording is transcribed, of the 290 s of the function."""
_BYTES_PER_MS = 32
_DECODER = "ffmpeg"

OPERATION = Operation(
    "openai",
    {
        200: Media(
            "text/event-stream",
            "The text. With `stream`, its pieces as server-sent events; `response_format` can ask"
            " for plain text, WebVTT or SubRip.",
            {
                "transcript.text.delta": TranscriptTextDelta,
                "transcript.text.done": TranscriptTextDone,
            },
            whole=Transcription,
        )
    },
    form=TranscriptionForm,
    errors=(NotFound, Unsupported, ModelFailure),
)
"""Write down the speech of a sound or film file of 4.4 MB at most, up to 15 minutes of it.

WAV, MP3, FLAC, M4A, OGG, MP4, MOV, MKV and WebM are read. Longer recordings are uploaded as
documents. `response_format` is `json`, `verbose_json`, `text`, `srt` or `vtt`; the last three
answer with a text. With `stream` a segment comes once it is written; what goes wrong then is the
last event, without `transcript.text.done` after it.
"""

TRANSLATION = Operation(
    "openai",
    {200: Transcription},
    form=TranslationForm,
    errors=(NotFound, Unsupported, ModelFailure),
)
"""Write down the speech of a recording in English, whichever language it is in.

Limits and formats are those of transcriptions.
"""


def answer(asked: RouteRequest, deps: Deps) -> Streamed:
    """Return the answer to a request to transcribe."""
    return _answer(asked, deps, TranscriptionForm)


def answer_translation(asked: RouteRequest, deps: Deps) -> Streamed:
    """Return the answer to a request to translate."""
    return _answer(asked, deps, TranslationForm)


def _answer(asked: RouteRequest, deps: Deps, kind: type[TranslationForm]) -> Streamed:
    if not asked.content_type.lower().startswith(FORM):
        return _wrong_media_type(asked)
    form, file = form_of(form_fields(asked.content_type, asked.body), kind)
    parts = _parts(form, file, asked, deps)
    first = next(parts)
    if is_streamed(form):
        return event_stream(_events(itertools.chain((first,), parts), asked, deps))
    spoken = [first, *parts]
    response = response_of(form, joined(spoken), receipt_of(spoken))
    return json_answer(response) if isinstance(response, Transcription) else text_answer(*response)


def _parts(
    form: TranslationForm, file: bytes, asked: RouteRequest, deps: Deps
) -> Iterator[SpokenPart]:
    """Yield what is said in the parts of a file, one after the other; there is one at least."""
    language = language_of(form)
    conditions = terms(form, deps.now() + timedelta(seconds=MAX_SECONDS))
    spender = asked.spender_for(form)
    start_ms = 0
    while True:
        sound = deps.sound.decode(file, start_ms, asked.request_id)
        lines: tuple[ReceiptLine, ...] = (_decoding_line(sound, deps),)
        for begin_ms, end_ms in _spans(sound, short=is_streamed(form)):
            samples = sound.sound[begin_ms * _BYTES_PER_MS : end_ms * _BYTES_PER_MS]
            call = transcribe_call(form, samples, language)
            generation = deps.generator.generate(call, conditions, spender)
            transcript = _transcribed(generation).transcript
            lines += generation.receipt.lines
            yield SpokenPart(start_ms + begin_ms, transcript, lines)
            language, lines = language or transcript.language, ()
        if sound.is_last:
            return
        start_ms += sound.ends_ms[-1]


def _spans(sound: DecodedSound, *, short: bool) -> Iterator[tuple[int, int]]:
    """Yield the beginnings and ends, in milliseconds, of what is transcribed at once."""
    ends = sound.ends_ms if short else sound.ends_ms[-1:]
    return itertools.pairwise((0, *ends))


def _transcribed(generation: Generation) -> TranscribeOutput:
    if not isinstance(generation.output, TranscribeOutput):
        raise ModelFailure(f"{generation.model} did not answer with a transcript.")
    return generation.output


def _decoding_line(sound: DecodedSound, deps: Deps) -> ReceiptLine:
    return ReceiptLine(
        model=_DECODER,
        priced_as=LAMBDA,
        role="decoding",
        seconds=round(sound.seconds, 6),
        dollars=dollars(deps.decoding_cost(sound.seconds)),
    )


def _events(parts: Iterator[SpokenPart], asked: RouteRequest, deps: Deps) -> Iterator[bytes]:
    """Yield the text as events: a delta for each segment, and all of it at the end."""
    spoken: list[SpokenPart] = []
    has_text = False
    try:
        for part in parts:
            spoken.append(part)
            for segment in part.transcript.segments:
                delta = f" {segment.text}" if has_text else segment.text
                has_text = True
                yield server_sent_event(TranscriptTextDelta(delta=delta))
    except HeadraceError as error:
        deps.log(error)
        yield server_sent_event(error_response(error, asked.request_id)[1])
        return
    whole = joined(spoken)
    done = TranscriptTextDone(text=whole.text, usage=usage_of(whole), receipt=receipt_of(spoken))
    yield server_sent_event(done)


def _wrong_media_type(asked: RouteRequest) -> Streamed:
    """Return the refusal of a body that is no form, as OpenAI words errors."""
    error = Unsupported(
        f"This route takes {FORM}; send Content-Type: {FORM}, not {asked.content_type[:80]!r}.",
        field="Content-Type",
        limit=FORM,
    )
    body = error_response(error, asked.request_id)[1]
    headers = {"Content-Type": "application/json"}
    return Streamed(Head(415, headers), [body.model_dump_json().encode()])
