"""OpenAI's transcriptions and translations by our function that writes down speech. Pure.

https://platform.openai.com/docs/api-reference/audio
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from chalicelib.contracts.functions.transcribe_speech import TranscribeRequest
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.transcriptions import (
    AudioUsage,
    TranscribedSegment,
    TranscribedWord,
    Transcription,
    TranscriptionForm,
    TranslationForm,
)
from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars
from chalicelib.contracts.speech import SpeechSegment, Transcript
from chalicelib.documents.captions import cues, subrip, webvtt
from chalicelib.errors import InvalidInput, NotFound, Unsupported
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.openai.multipart import FormPart
from chalicelib.retrieval.text.spoken_languages import language_code, language_name

MODELS = ("whisper-1", "whisper-base")
"""Names under which Whisper base is asked for; the first is OpenAI's."""
MAX_FILE_BYTES = 4_400_000
"""Bytes of a file that fit into a call of a Lambda function, in base64."""
_MILLISECONDS = 1_000
_MEBIBYTES_IN_A_GB = 1_024
_LISTS = frozenset({"timestamp_granularities[]", "include[]"})
_WAV = (b"RIFF", b"RF64")

Form = TypeVar("Form", bound=TranslationForm)


def form_of(fields: Sequence[tuple[str, FormPart]], kind: type[Form]) -> tuple[Form, bytes]:
    """Return a form's fields, checked, and the file that it brings.

    Raises:
        InvalidInput: a field is missing or wrong, or the file is too large.
        NotFound: another model is asked for.
        Unsupported: the file is no WAV file.
    """
    given: dict[str, Any] = {}
    file = b""
    for name, part in fields:
        if name == "file":
            file, given["file"] = part.content, part.filename
        elif name in _LISTS:
            given.setdefault(name, []).append(_text(name, part))
        else:
            given[name] = _value(name, _text(name, part))
    form = parsed(json.dumps(given).encode(), kind, plain=True)
    if form.model not in MODELS:
        raise NotFound(
            f"No model called {form.model!r} writes down speech; {' and '.join(MODELS)} do.",
            field="model",
        )
    _check_file(file)
    return form, file


def _check_file(file: bytes) -> None:
    if not file:
        raise InvalidInput("The file is empty.", field="file")
    if len(file) > MAX_FILE_BYTES:
        raise InvalidInput(
            f"The file has {len(file)} bytes; a call takes {MAX_FILE_BYTES}, which is 137 s of WAV"
            " with 16 bits, mono, 16 kHz. A longer recording is uploaded as a document"
            " (POST /v1/documents), or in pieces.",
            field="file",
            limit=f"{MAX_FILE_BYTES} bytes",
        )
    if file[:4] not in _WAV:
        raise Unsupported(
            "The file is no WAV file. Of other formats, upload the recording as a document"
            " (POST /v1/documents), or convert it: ffmpeg -i FILE -ac 1 -ar 16000 speech.wav",
            field="file",
        )


def _value(name: str, text: str) -> str | float | bool:
    """Return a field as JSON has it; what is no number or no truth value stays a text."""
    if name == "stream":
        return {"true": True, "false": False}.get(text.lower(), text)
    if name == "temperature":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _text(name: str, part: FormPart) -> str:
    try:
        return part.content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The field {name} is no text in UTF-8.", field=name) from error


def request_of(form: TranslationForm, file: bytes, correlation_id: str) -> TranscribeRequest:
    """Return what the function is asked. Raises `InvalidInput` for an unknown language."""
    language = form.language if isinstance(form, TranscriptionForm) else ""
    return TranscribeRequest.model_construct(
        data=file,
        language=language_code(language) if language else "",
        translate=not isinstance(form, TranscriptionForm),
        prompt=form.prompt,
        correlation_id=correlation_id,
    )


def receipt_of(
    model: str, seconds: float, memory_mb: int, cost: Callable[[str, float], int]
) -> Receipt:
    """Return the receipt of a call of our function, priced by Lambda's list price."""
    billed = cost("lambda.gb_second.arm64", seconds * memory_mb / _MEBIBYTES_IN_A_GB)
    billed += cost("lambda.request", 1)
    line = ReceiptLine(
        model=model,
        priced_as=LAMBDA,
        role="transcription",
        seconds=round(seconds, 6),
        dollars=dollars(billed),
    )
    return Receipt.of([line])


def response_of(
    form: TranslationForm, transcript: Transcript, receipt: Receipt
) -> Transcription | tuple[str, str]:
    """Return the response in the form's format: a contract, or a text and its media type."""
    if form.response_format == "text":
        return transcript.text + "\n", "text/plain; charset=utf-8"
    if form.response_format == "vtt":
        return webvtt(cues(transcript.segments)), "text/vtt; charset=utf-8"
    if form.response_format == "srt":
        return subrip(cues(transcript.segments)), "application/x-subrip; charset=utf-8"
    seconds = transcript.duration_ms / _MILLISECONDS
    usage = AudioUsage(seconds=math.ceil(seconds))
    if form.response_format == "json":
        return Transcription(text=transcript.text, usage=usage, receipt=receipt)
    translated = not isinstance(form, TranscriptionForm)
    granularities = (
        form.timestamp_granularities if isinstance(form, TranscriptionForm) else ("segment",)
    )
    return Transcription(
        text=transcript.text,
        task="translate" if translated else "transcribe",
        language="english" if translated else language_name(transcript.language),
        duration=seconds,
        segments=_segments(transcript.segments) if "segment" in granularities else None,
        words=_words(transcript.segments) if "word" in granularities else None,
        usage=usage,
        receipt=receipt,
    )


def _segments(segments: Sequence[SpeechSegment]) -> tuple[TranscribedSegment, ...]:
    return tuple(
        TranscribedSegment(
            id=number,
            start=segment.start_ms / _MILLISECONDS,
            end=segment.end_ms / _MILLISECONDS,
            text=segment.text,
            temperature=segment.temperature,
            avg_logprob=segment.log_probability,
            compression_ratio=segment.compression,
            no_speech_prob=segment.no_speech,
            speaker=segment.speaker,
        )
        for number, segment in enumerate(segments)
    )


def _words(segments: Sequence[SpeechSegment]) -> tuple[TranscribedWord, ...]:
    return tuple(
        TranscribedWord(
            word=word.text.strip(),
            start=word.start_ms / _MILLISECONDS,
            end=word.end_ms / _MILLISECONDS,
            speaker=word.speaker,
        )
        for segment in segments
        for word in segment.words
    )
