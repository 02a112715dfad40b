"""Speech as text for OpenAI's clients: forms, files, events, receipts, refusals."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contracts.functions.read_media import DecodedSound
from chalicelib.contracts.http import Streamed
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.contracts.speech import (
    SpeechSegment,
    SpokenWord,
    TranscribeCall,
    TranscribeOutput,
    Transcript,
)
from chalicelib.errors import InvalidInput, ModelFailure
from functions.stream_chat.core import run
from functions.stream_chat.route import SoundDecoder
from tests.soak import often
from tests.unit.functions.stream_chat.generating import (
    SAMPLE,
    Giving,
    body_of,
    deps_of,
    events_of,
    generation,
)

FILE = b"ID3\4\0\0\0\0\0\0mp3"
SPOKEN = Transcript(
    language="de",
    language_probability=0.9,
    segments=(
        SpeechSegment(
            start_ms=1_000,
            end_ms=2_500,
            text="Guten Morgen.",
            words=(
                SpokenWord(text=" Guten", start_ms=1_000, end_ms=1_500, probability=0.9, speaker=1),
                SpokenWord(text=" Morgen.", start_ms=1_500, end_ms=2_500, probability=0.8),
            ),
            speaker=1,
            log_probability=-0.25,
            compression=1.1,
            no_speech=0.01,
        ),
    ),
    speech_ms=1_500,
    duration_ms=3_250,
)
SILENCE = Transcript(duration_ms=3_250)
SECOND_BYTES = 32_000


@dataclass
class Sounds:
    """Decodes every file as pieces of whole seconds, each with the ends of its short pieces."""

    pieces: Sequence[Sequence[int]] = ((4_000,),)
    asked: list[tuple[bytes, int]] = field(default_factory=list)

    def decode(self, data: bytes, start_ms: int, correlation_id: str) -> DecodedSound:
        self.asked.append((data, start_ms))
        ends = tuple(self.pieces[len(self.asked) - 1])
        samples = b"".join(bytes([second]) * SECOND_BYTES for second in range(ends[-1] // 1000))
        return DecodedSound.model_construct(
            sound=samples, ends_ms=ends, is_last=len(self.asked) == len(self.pieces), seconds=0.5
        )


class Hearing(Giving):
    """Answers each call with the next of its transcripts, or raises."""

    def __init__(self, *said: Transcript | ModelFailure) -> None:
        super().__init__(TranscribeOutput(transcript=SPOKEN))
        self.said = iter(said or (SPOKEN,))

    def generate(self, *given: Any, **named: Any) -> Any:
        answered = super().generate(*given, **named)
        told = next(self.said)
        if isinstance(told, ModelFailure):
            raise told
        line = ReceiptLine(model="whisper-base", role="transcription", seconds=2.0)
        output = TranscribeOutput(transcript=told)
        return answered.model_copy(update={"output": output, "receipt": Receipt.of([line])})

    @property
    def transcribed(self) -> list[TranscribeCall]:
        """The calls that were made."""
        return [call for call, _ in self.calls if isinstance(call, TranscribeCall)]


def ask(
    hearing: Giving | None = None,
    sounds: SoundDecoder | None = None,
    path: str = "transcriptions",
    content: bytes = FILE,
    **form: Any,
) -> Streamed:
    """Return the answer to a form, as OpenAI's clients send it."""
    request = httpx.Request(
        "POST", "http://here", data=form, files={"file": ("a.mp3", content, "audio/mpeg")}
    )
    given = {
        **SAMPLE,
        "resource": f"/v1/audio/{path}",
        "headers": {"Content-Type": request.headers["content-type"]},
        "body": base64.b64encode(request.read()).decode(),
        "isBase64Encoded": True,
    }
    return run(given, deps_of(hearing or Hearing(), sound=sounds or Sounds()))


def test_speech_is_transcribed_and_what_it_cost_is_told() -> None:
    hearing, sounds = Hearing(), Sounds()
    told = body_of(
        ask(
            hearing,
            sounds,
            model="whisper-1",
            language="german",
            prompt="Kaplan",
            temperature="0.2",
            user="anna",
        )
    )
    assert set(told) == {"text", "usage", "receipt"}
    assert told["text"] == "Guten Morgen."
    assert told["usage"] == {"type": "duration", "seconds": 4}
    lines = [(line["model"], line["role"], line["seconds"]) for line in told["receipt"]["lines"]]
    assert lines == [("ffmpeg", "decoding", 0.5), ("whisper-base", "transcription", 2.0)]
    assert sounds.asked == [(FILE, 0)]
    ((call, terms),) = hearing.calls
    assert isinstance(call, TranscribeCall)
    assert (call.language, call.translate, call.prompt) == ("de", False, "Kaplan")
    assert (call.temperature, call.seconds, terms.model) == (0.2, 4.0, "whisper-1")


@pytest.mark.parametrize("name", ["timestamp_granularities[]", "timestamp_granularities"])
def test_words_and_segments_have_their_times_and_speakers(name: str) -> None:
    form: dict[str, Any] = {"response_format": "verbose_json", name: ["word", "segment"]}
    told = body_of(ask(model="w", **form))
    assert (told["task"], told["language"], told["duration"]) == ("transcribe", "german", 3.25)
    assert told["words"][0] == {"word": "Guten", "start": 1.0, "end": 1.5, "speaker": 1}
    (segment,) = told["segments"]
    assert (segment["start"], segment["end"], segment["avg_logprob"]) == (1.0, 2.5, -0.25)


def test_words_alone_come_without_segments() -> None:
    form: dict[str, Any] = {"response_format": "verbose_json", "timestamp_granularities": "word"}
    told = body_of(ask(model="w", **form))
    assert "segments" not in told
    assert len(told["words"]) == 2


def test_a_long_recording_is_transcribed_in_pieces_and_keeps_its_times() -> None:
    hearing, sounds = Hearing(SILENCE, SPOKEN), Sounds(((2_000, 4_000), (1_000, 3_000)))
    told = body_of(ask(hearing, sounds, model="w", response_format="verbose_json"))
    assert sounds.asked == [(FILE, 0), (FILE, 4_000)]
    assert [call.seconds for call in hearing.transcribed] == [4.0, 3.0]
    assert [segment["start"] for segment in told["segments"]] == [5.0]
    assert (told["segments"][0]["speaker"], told["duration"]) == (None, 7.25)
    assert [line["seconds"] for line in told["receipt"]["lines"]] == [1.0, 4.0]


def test_the_language_that_is_heard_first_holds_for_the_rest() -> None:
    hearing = Hearing(SILENCE, SPOKEN, SPOKEN)
    ask(hearing, Sounds(((1_000,), (1_000,), (1_000,))), model="w")
    assert [call.language for call in hearing.transcribed] == ["", "", "de"]


@pytest.mark.parametrize(
    ("response_format", "media_type", "expected"),
    [
        ("text", "text/plain; charset=utf-8", "Guten Morgen.\n"),
        (
            "vtt",
            "text/vtt; charset=utf-8",
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nGuten Morgen.",
        ),
        ("srt", "application/x-subrip; charset=utf-8", "1\n00:00:01,000 --> 00:00:02,500\nGuten"),
    ],
)
def test_a_text_is_answered_where_one_is_asked_for(
    response_format: str, media_type: str, expected: str
) -> None:
    answer = ask(model="w", response_format=response_format)
    assert answer.head.headers["Content-Type"] == media_type
    assert b"".join(answer.body).decode().startswith(expected)


def test_silence_has_no_language_unless_one_is_named() -> None:
    told = body_of(ask(Hearing(SILENCE), model="w", response_format="verbose_json"))
    assert (told["text"], told["language"], told["segments"]) == ("", "unknown", [])


def test_a_translation_is_english() -> None:
    hearing = Hearing()
    told = body_of(ask(hearing, path="translations", model="w", response_format="verbose_json"))
    assert (told["task"], told["language"]) == ("translate", "english")
    assert [call.translate for call in hearing.transcribed] == [True]


def test_a_stream_gives_each_segment_once_it_is_written() -> None:
    hearing = Hearing(SPOKEN, SILENCE, SPOKEN)
    answer = ask(hearing, Sounds(((2_000, 4_000), (1_000,))), model="w", stream="true")
    body = iter(answer.body)
    first = next(body)
    assert b"transcript.text.delta" in first
    assert len(hearing.calls) == 1
    events = [event for _, event in events_of(Streamed(answer.head, [first, *body]))]
    assert [event["type"] for event in events] == [
        *["transcript.text.delta"] * 2,
        "transcript.text.done",
    ]
    deltas = "".join(event["delta"] for event in events[:-1])
    assert deltas == events[-1]["text"] == "Guten Morgen. Guten Morgen."
    assert events[-1]["usage"] == {"type": "duration", "seconds": 8}
    assert [call.seconds for call in hearing.transcribed] == [2.0, 2.0, 1.0]


def test_what_goes_wrong_in_a_stream_is_its_last_event() -> None:
    hearing = Hearing(SPOKEN, ModelFailure("It broke."))
    *_, last = events_of(ask(hearing, Sounds(((1_000, 2_000),)), model="w", stream="True"))
    assert last[1]["error"]["code"] == "model_error"


@dataclass
class Refusing:
    """Decodes no file."""

    def decode(self, data: bytes, start_ms: int, correlation_id: str) -> DecodedSound:
        raise InvalidInput("Decoding the sound failed: the file is damaged.", field="file")


@pytest.mark.parametrize(
    ("status", "field", "message", "content", "form"),
    [
        (400, "model", "model", FILE, {"model": []}),
        (400, "language", "no language that is heard", FILE, {"language": "xx"}),
        (400, "response_format", "response_format", FILE, {"response_format": "docx"}),
        (
            400,
            "response_format",
            "leave stream",
            FILE,
            {"response_format": "srt", "stream": "true"},
        ),
        (400, "temperature", "temperature", FILE, {"temperature": "warm"}),
        (400, "include", "leave it out", FILE, {"include[]": "logprobs"}),
        (400, "keywords", "in prompt", FILE, {"keywords[]": "Kaplan"}),
        (400, "file", "is empty", b"", {}),
        (400, "file", "WAV, MP3, FLAC.* are", b"%PDF-1.7", {}),
        (400, "file", "is damaged", FILE, {}),
        (400, "file", "9 minutes of MP3.*POST /v1/documents", FILE + bytes(4_400_000), {}),
    ],
)
def test_what_cannot_be_transcribed_is_refused_with_the_fix(
    status: int, field: str, message: str, content: bytes, form: dict[str, Any]
) -> None:
    answer = ask(sounds=Refusing(), content=content, **{"model": "w", **form})
    error = body_of(answer)["error"]
    assert (answer.head.status, error["param"]) == (status, field)
    assert re.search(message, error["message"])


def test_a_body_that_is_no_form_is_refused_in_openai_s_words() -> None:
    answer = run(
        {**SAMPLE, "resource": "/v1/audio/transcriptions"}, Giving(generation().output).deps
    )
    error = body_of(answer)["error"]
    assert (answer.head.status, error["param"], error["type"]) == (
        415,
        "Content-Type",
        "invalid_request_error",
    )


FIELDS = ("language", "prompt", "response_format", "temperature", "stream", "include", "user")
VALUES = st.text(max_size=12) | st.sampled_from(("true", "0.3", "de", "json", "word", "nan", "-1"))


@settings(max_examples=often(200, 40))
@given(form=st.dictionaries(st.sampled_from((*FIELDS, "timestamp_granularities")), VALUES))
def test_whatever_a_form_says_is_answered_or_refused_by_name(form: dict[str, Any]) -> None:
    answer = ask(**{"model": "w", **form})
    assert answer.head.status in {200, 400}
    if answer.head.status == 400:
        named = body_of(answer)["error"]["param"].partition("[")[0]
        assert named in form or "\N{REPLACEMENT CHARACTER}" in str(form)
