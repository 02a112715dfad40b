from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from chalicelib.errors import InvalidInput
from chalicelib.inference.speech.alignment import MAX_WORD_MS
from chalicelib.inference.speech.deadline import DeadlineExceeded, SpeechDeadline
from chalicelib.inference.speech.decoder import DecodedText, TimeRules, compression_ratio
from chalicelib.inference.speech.recogniser import (
    RecognisedSpeech,
    SpeechRecogniser,
    SpeechRequest,
)
from chalicelib.inference.speech.speakers import SpeakerEncoder
from tests.unit.inference.speech.recordings import FIRST, SECOND, STARTS_MS, recording


@pytest.fixture(scope="module")
def recogniser(models_dir: Path) -> SpeechRecogniser:
    return SpeechRecogniser.open(models_dir)


@pytest.fixture(scope="module")
def heard(recogniser: SpeechRecogniser) -> RecognisedSpeech:
    return recogniser.recognise(recording(), SpeechRequest())


def test_what_is_said_is_written_down(heard: RecognisedSpeech) -> None:
    assert " ".join(segment.text for segment in heard.segments) == f"{FIRST} {SECOND}"
    assert heard.language == "en"
    assert heard.language_probability > 0.8


def test_every_word_is_where_it_is_said(heard: RecognisedSpeech) -> None:
    words = [word for segment in heard.segments for word in segment.words]
    starts = [*STARTS_MS[FIRST], *STARTS_MS[SECOND]]
    errors = [
        abs(word.start_ms - start)
        for word, start in zip(words, starts, strict=True)
        if start is not None
    ]
    assert np.median(errors) <= 120
    assert max(errors) <= 400
    assert all(0 <= word.end_ms - word.start_ms <= MAX_WORD_MS for word in words)
    pause = [word for word in words if word.end_ms > 2_900 and word.start_ms < 3_200]
    assert pause == []


def test_silence_and_noise_give_no_words(recogniser: SpeechRecogniser) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 5 * 16_000).astype(np.float32)
    for sound in (np.zeros(0, np.float32), np.zeros(16_000, np.float32), noise):
        found = recogniser.recognise(sound, SpeechRequest())
        assert (found.segments, found.speech, found.language) == ((), (), "")


def test_a_deadline_ends_the_decoder_in_the_middle_of_a_window(
    recogniser: SpeechRecogniser,
) -> None:
    ticks = itertools.count()
    with pytest.raises(DeadlineExceeded):
        recogniser.recognise(
            recording(), SpeechRequest("en"), SpeechDeadline(8, lambda: next(ticks))
        )
    # One window was begun, and seven of its tokens.
    assert next(ticks) == 9


def test_an_unknown_language_is_refused(recogniser: SpeechRecogniser) -> None:
    with pytest.raises(InvalidInput, match="does not know the language 'xx'") as caught:
        recogniser.recognise(recording(), SpeechRequest(language="xx"))
    assert caught.value.field == "language"


@pytest.mark.parametrize(
    ("likelihood", "no_speech", "is_speech"),
    [(-0.3, 0.9, True), (-1.3, 0.5, True), (-1.3, 0.9, False)],
)
def test_what_is_unlikely_and_sounds_like_no_speech_is_none(
    likelihood: float, no_speech: float, is_speech: bool
) -> None:
    assert DecodedText((1,), likelihood, 1.0, no_speech, 0.0).is_speech == is_speech


def test_voices_of_two_speakers_are_further_apart_than_those_of_one(
    models_dir: Path, heard: RecognisedSpeech
) -> None:
    voices = SpeakerEncoder.open(models_dir).voices(recording(), heard.speech)
    assert np.allclose([np.linalg.norm(voice.vector) for voice in voices], 1, atol=1e-5)
    first = [voice.vector for voice in voices if voice.interval.start < 3 * 16_000]
    second = [voice.vector for voice in voices if voice.interval.start >= 3 * 16_000]
    alike = min(float(first[0] @ first[-1]), float(second[0] @ second[-1]))
    assert alike > float(first[0] @ second[0]) + 0.1


def test_times_come_in_pairs_and_never_go_back(recogniser: SpeechRecogniser) -> None:
    tokens = recogniser.model.tokens
    rules = TimeRules(tokens, recogniser.model.suppressed)
    flat = np.zeros(tokens.first_time + 1_501, np.float32)
    at_start = rules.allowed(flat, [])
    assert set(np.flatnonzero(np.isfinite(at_start))) == {
        *range(tokens.first_time, tokens.first_time + 51)
    }
    after_one = rules.allowed(flat, [tokens.first_time + 5])
    assert not np.isfinite(after_one[tokens.first_time :]).any()
    closing = rules.allowed(flat, [tokens.first_time + 5, 440, tokens.first_time + 90])
    assert not np.isfinite(closing[: tokens.end]).any()
    assert not np.isfinite(closing[tokens.first_time : tokens.first_time + 90]).any()
    assert np.isfinite(closing[tokens.first_time + 90])


def test_a_loop_is_known_by_how_well_it_can_be_compressed() -> None:
    assert compression_ratio("and then " * 40) > 2.4 > compression_ratio(SECOND)
    assert compression_ratio("") == 0


def test_tokens_are_put_together_to_words(recogniser: SpeechRecogniser) -> None:
    tokens = recogniser.model.tokens
    ids = tokens.ids(" He said: \"It's 5 o'clock,\" didn't he?")
    words = [word.text for word in tokens.words(ids, "en")]
    assert words == [" He", " said:", " \"It's", " 5", " o'clock,\"", " didn't", " he?"]
    ids = tokens.ids("日本語です。")
    assert "".join(word.text for word in tokens.words(ids, "ja")) == "日本語です。"
    assert len(tokens.words(ids, "ja")) > 1
