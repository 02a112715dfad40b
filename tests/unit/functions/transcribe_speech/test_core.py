from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from chalicelib.contracts.functions.transcribe_speech import (
    TranscribePartRequest,
    TranscribeRequest,
    TranscribeResult,
)
from chalicelib.contracts.speech import Transcript
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.speech.alignment import TimedWord
from chalicelib.inference.speech.deadline import SpeechDeadline
from chalicelib.inference.speech.decoder import DecodedText
from chalicelib.inference.speech.mel import Samples
from chalicelib.inference.speech.recogniser import (
    RecognisedSpeech,
    SpeechRequest,
    SpokenSegment,
)
from chalicelib.inference.speech.speakers import Voice
from chalicelib.inference.speech.voice_activity import Interval
from chalicelib.retrieval.ids import sound_key, speech_key
from functions.transcribe_speech.core import (
    CALL_DEADLINE_S,
    PART_DEADLINE_S,
    Deps,
    run,
    write_down,
)
from tests.unit.functions.afresh import answered_afresh
from tests.unit.inference.speech.recordings import FILE
from tests.unit.ingest.fakes import FakeObjects

SAMPLE = Path(__file__).parents[4] / "functions" / "transcribe_speech" / "event.json"
PLACE = ("acme", "doc_a", "v_a", 3)
DECODED = DecodedText((1, 2), -0.25, 1.5, 0.01, 0.0)
WORDS = (TimedWord(" Good", 100, 400, 0.9), TimedWord(" morning.", 2_000, 2_400, 0.8))


@dataclass
class FakeRecogniser:
    """Hears the same in every recording, and nothing in silence."""

    asked: list[SpeechRequest] = field(default_factory=list)

    def recognise(
        self, recording: Samples, request: SpeechRequest, deadline: SpeechDeadline
    ) -> RecognisedSpeech:
        self.asked.append(request)
        if not recording.any():
            return RecognisedSpeech("", 0.0, (), ())
        said = SpokenSegment(100, 2_400, "Good morning.", WORDS, DECODED)
        speech = (Interval(0, 16_000), Interval(32_000, 48_000))
        return RecognisedSpeech("en", 0.97, (said,), speech)


class FakeEncoder:
    """Hears another voice in every interval."""

    def voices(
        self, recording: Samples, speech: Sequence[Interval], deadline: SpeechDeadline
    ) -> list[Voice]:
        directions = np.eye(256, dtype=np.float32)
        long = [Interval(each.start, each.start + 33_000) for each in speech]
        return [Voice(each, directions[number]) for number, each in enumerate(long)]


def deps(recogniser: FakeRecogniser | None = None) -> Deps:
    ticks = iter([1.0, 1.5])
    hears = recogniser or FakeRecogniser()
    return Deps(hears, FakeEncoder(), "whisper-base", lambda: next(ticks))


def part(**fields: object) -> TranscribePartRequest:
    tenant, document, version, number = PLACE
    given = {"tenant": tenant, "document_id": document, "version": version, "part": number}
    return TranscribePartRequest.model_validate(
        {**given, "bucket": "files", "correlation_id": "c", **fields}
    )


def test_the_words_of_a_part_are_written_with_their_times_in_the_document() -> None:
    objects = FakeObjects({sound_key(*PLACE): np.full(48_000, 500, "<i2").tobytes()})
    result = run(part(start_ms=600_000, path="film.mp4"), objects, 2.0, deps())
    written = Transcript.model_validate_json(objects.bodies[speech_key(*PLACE)])
    words = [word for segment in written.segments for word in segment.words]
    assert [(word.text, word.start_ms, word.end_ms) for word in words] == [
        (" Good", 600_100, 600_400),
        (" morning.", 602_000, 602_400),
    ]
    assert written.segments[0].start_ms == 600_100
    assert (result.part, result.segments, result.words) == (3, 1, 2)
    assert (result.speech_ms, result.duration_ms, result.language) == (2_000, 3_000, "en")
    assert (result.transcribing.seconds, result.transcribing.gb_seconds) == (0.5, 1.0)


def test_a_part_that_was_transcribed_is_not_transcribed_again() -> None:
    objects = FakeObjects({sound_key(*PLACE): np.full(48_000, 500, "<i2").tobytes()})
    recogniser = FakeRecogniser()
    first = run(part(), objects, 2.0, deps(recogniser))
    del objects.bodies[sound_key(*PLACE)]
    again = run(part(), objects, 2.0, deps(recogniser))
    assert again == first
    assert len(recogniser.asked) == 1


def test_who_says_each_word_is_told() -> None:
    objects = FakeObjects({sound_key(*PLACE): np.full(48_000, 500, "<i2").tobytes()})
    run(part(), objects, 2.0, deps())
    written = Transcript.model_validate_json(objects.bodies[speech_key(*PLACE)])
    assert [word.speaker for word in written.segments[0].words] == [1, 2]
    assert written.segments[0].speaker in (1, 2)
    assert [(each.number, each.pieces) for each in written.speakers] == [(1, 1), (2, 1)]
    assert [each.voice.index(1.0) for each in written.speakers] == [0, 1]


def test_a_part_in_which_nobody_speaks_has_no_words_and_no_voices() -> None:
    objects = FakeObjects({sound_key(*PLACE): bytes(32_000)})
    result = run(part(), objects, 2.0, deps())
    written = Transcript.model_validate_json(objects.bodies[speech_key(*PLACE)])
    assert (written.segments, written.speakers, written.language) == ((), (), "")
    assert (result.words, result.duration_ms) == (0, 1_000)


def test_a_call_is_passed_on_and_has_no_vectors_of_voices() -> None:
    recogniser = FakeRecogniser()
    request = TranscribeRequest.model_construct(
        data=FILE.read_bytes(), language="de", translate=True, prompt="Kaplan", temperature=0.5
    )
    result = write_down(request, deps(recogniser))
    assert recogniser.asked == [SpeechRequest("de", True, "Kaplan", 0.5)]
    assert result.transcript.speakers == ()
    assert (result.seconds, result.model) == (0.5, "whisper-base")


def test_a_call_that_is_no_wav_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no WAV file"):
        write_down(TranscribeRequest.model_construct(data=b"OggS"), deps())


@dataclass
class SlowRecogniser:
    """Works for as long as it is let, a second at a time."""

    seconds: float = 0.0

    def recognise(
        self, recording: Samples, request: SpeechRequest, deadline: SpeechDeadline
    ) -> RecognisedSpeech:
        while self.seconds < 1_000:
            deadline.check()
            self.seconds += 1
        return RecognisedSpeech("", 0.0, (), ())


def test_a_call_that_takes_too_long_is_refused_while_its_caller_waits() -> None:
    slow = SlowRecogniser()
    late = Deps(slow, FakeEncoder(), "whisper-base", lambda: slow.seconds)
    request = TranscribeRequest.model_construct(data=FILE.read_bytes())
    with pytest.raises(InvalidInput, match=r"60 s that a call has.*POST /v1/documents") as caught:
        write_down(request, late)
    assert (caught.value.field, caught.value.limit) == ("file", "60 s")
    assert slow.seconds == CALL_DEADLINE_S


def test_a_part_that_takes_too_long_says_so() -> None:
    slow = SlowRecogniser()
    late = Deps(slow, FakeEncoder(), "whisper-base", lambda: slow.seconds)
    objects = FakeObjects({sound_key(*PLACE): bytes(32_000 * 60)})
    with pytest.raises(ModelFailure, match=r"Part 3 of the recording, 60 s long.*within 220 s"):
        run(part(), objects, 2.0, late)
    assert slow.seconds == PART_DEADLINE_S


def test_the_function_answers_its_sample(models_dir: Path) -> None:
    answer = TranscribeResult.model_validate(answered_afresh("transcribe_speech", models_dir))
    assert "badly strained and hung limp" in answer.transcript.text
    assert json.loads(SAMPLE.read_text())["correlation_id"] == "sample"
