"""OpenAI's transcriptions and translations as calls of models that transcribe. Pure.

https://platform.openai.com/docs/api-reference/audio
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from chalicelib.contracts.generations import Terms
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.transcriptions import (
    AudioUsage,
    TranscribedSegment,
    TranscribedWord,
    Transcription,
    TranscriptionForm,
    TranslationForm,
)
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.contracts.speech import (
    SpeechSegment,
    SpokenWord,
    TranscribeCall,
    Transcript,
)
from chalicelib.documents.captions import cues, subrip, webvtt
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.media.containers import READABLE, media_type_of
from chalicelib.openai.multipart import FormPart
from chalicelib.openai.turns import refuse_unsupported
from chalicelib.retrieval.text.spoken_languages import language_code, language_name

MAX_FILE_BYTES = 4_400_000
"""Bytes of a file that fit into a call of a Lambda function, in base64."""
_MILLISECONDS = 1_000
_HEAD_BYTES = 64 * 1024
_GRANULARITIES = "timestamp_granularities"
_UNSUPPORTED = (
    "include",
    "keywords",
    "languages",
    "known_speaker_names",
    "known_speaker_references",
)
"""Fields, all of them lists, that would change what is answered."""
_UNKNOWN_LANGUAGE = "unknown"
_STREAMED = ("json", "text")

Form = TypeVar("Form", bound=TranslationForm)


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """The transcript of a part of a recording from `start_ms` on, and its lines of the receipt."""

    start_ms: int
    transcript: Transcript
    lines: tuple[ReceiptLine, ...]


def form_of(fields: Sequence[tuple[str, FormPart]], kind: type[Form]) -> tuple[Form, bytes]:
    """Return a form's fields, checked, and the file that it brings.

    Raises:
        InvalidInput: a field is missing or wrong, or the file is too large.
        Unsupported: a field is not supported, or the file is of no kind that is read.
    """
    given: dict[str, Any] = {}
    lists: dict[str, list[str]] = {}
    file = b""
    for name, part in fields:
        bare = name.removesuffix("[]")
        if name == "file":
            file, given["file"] = part.content, part.filename
        elif bare == _GRANULARITIES or bare in _UNSUPPORTED:
            lists.setdefault(bare, []).append(_text(name, part))
        else:
            given[name] = _value(name, _text(name, part))
    refuse_unsupported(
        {name: name in lists for name in _UNSUPPORTED},
        {"keywords": "name them in prompt", "languages": "name one in language"},
    )
    if _GRANULARITIES in lists:
        given[f"{_GRANULARITIES}[]"] = lists[_GRANULARITIES]
    form = parsed(json.dumps(given).encode(), kind, plain=True)
    if is_streamed(form) and form.response_format not in _STREAMED:
        raise InvalidInput(
            f"A stream is of json or text, not of {form.response_format}; leave stream out, or ask"
            " for json.",
            field="response_format",
        )
    _check_file(file)
    return form, file


def is_streamed(form: TranslationForm) -> bool:
    """Return whether the text is to come as it is written."""
    return isinstance(form, TranscriptionForm) and form.stream


def _check_file(file: bytes) -> None:
    if not file:
        raise InvalidInput("The file is empty.", field="file")
    if len(file) > MAX_FILE_BYTES:
        raise InvalidInput(
            f"The file has {len(file)} bytes; a call takes {MAX_FILE_BYTES}, which is 9 minutes of"
            " MP3 with 64 kbit/s, or 137 s of WAV with 16 bits, mono, 16 kHz. Compress it: ffmpeg"
            " -i FILE -vn -ac 1 -b:a 32k speech.mp3; or upload it as a document (POST"
            " /v1/documents).",
            field="file",
            limit=f"{MAX_FILE_BYTES} bytes",
        )
    if not media_type_of(file[:_HEAD_BYTES]):
        raise Unsupported(
            f"The content of the file is of no kind that is read: {READABLE} are.", field="file"
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


def language_of(form: TranslationForm) -> str:
    """Return the code of the language that is spoken, "" to detect it. Raises `InvalidInput`."""
    language = form.language if isinstance(form, TranscriptionForm) else ""
    return language_code(language) if language else ""


def transcribe_call(form: TranslationForm, sound: bytes, language: str) -> TranscribeCall:
    """Return the call for a part of the sound, 16-bit samples at 16 kHz, in a `language`."""
    return TranscribeCall.model_construct(
        sound=sound,
        language=language,
        translate=not isinstance(form, TranscriptionForm),
        prompt=form.prompt,
        temperature=form.temperature or None,
    )


def terms(form: TranslationForm, deadline: datetime) -> Terms:
    """Return the terms of a form: its model, and when its text is too late."""
    return Terms(model=form.model, deadline=deadline)


def joined(parts: Sequence[SpokenPart]) -> Transcript:
    """Return what is said in parts that follow each other, with times of the whole.

    Speakers are numbered within a part, so that those of several parts are left out.
    """
    segments = tuple(
        _moved(segment, part.start_ms, keep_speaker=len(parts) == 1)
        for part in parts
        for segment in part.transcript.segments
    )
    spoken = next((part.transcript for part in parts if part.transcript.segments), None)
    first = parts[0].transcript
    last = parts[-1]
    return Transcript(
        language=(spoken or first).language,
        language_probability=(spoken or first).language_probability,
        segments=segments,
        speech_ms=sum(part.transcript.speech_ms for part in parts),
        duration_ms=last.start_ms + last.transcript.duration_ms,
    )


def _moved(segment: SpeechSegment, by_ms: int, *, keep_speaker: bool) -> SpeechSegment:
    def change(of: SpeechSegment | SpokenWord) -> dict[str, Any]:
        times = {"start_ms": of.start_ms + by_ms, "end_ms": of.end_ms + by_ms}
        return {**times, "speaker": of.speaker if keep_speaker else None}

    words = tuple(word.model_copy(update=change(word)) for word in segment.words)
    return segment.model_copy(update={**change(segment), "words": words})


def receipt_of(parts: Sequence[SpokenPart]) -> Receipt:
    """Return the receipt of all parts, with one line for what each model or function did."""
    kept: dict[tuple[str, str, str], ReceiptLine] = {}
    for line in (line for part in parts for line in part.lines):
        key = (line.model, line.priced_as, line.role)
        before = kept.get(key)
        if before is not None:
            seconds = round(before.seconds + line.seconds, 6)
            added = {"seconds": seconds, "dollars": before.dollars + line.dollars}
            line = before.model_copy(update=added)
        kept[key] = line
    return Receipt.of(kept.values())


def usage_of(transcript: Transcript) -> AudioUsage:
    """Return the usage of a transcription."""
    return AudioUsage(seconds=math.ceil(transcript.duration_ms / _MILLISECONDS))


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
    usage = usage_of(transcript)
    if form.response_format == "json":
        return Transcription(text=transcript.text, usage=usage, receipt=receipt)
    translated = not isinstance(form, TranscriptionForm)
    granularities = (
        form.timestamp_granularities if isinstance(form, TranscriptionForm) else ("segment",)
    )
    spoken = language_name(transcript.language) or _UNKNOWN_LANGUAGE
    return Transcription(
        text=transcript.text,
        task="translate" if translated else "transcribe",
        language="english" if translated else spoken,
        duration=transcript.duration_ms / _MILLISECONDS,
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
