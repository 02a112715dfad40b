"""Amazon Transcribe's output as transcripts of the parts of a recording."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.functions.transcribe_speech_job import SpeechPiece
from chalicelib.contracts.parts import Part
from chalicelib.errors import ModelFailure
from functions.transcribe_speech.job_transcript import (
    MAX_SEGMENT_MS,
    MAX_WORD_MS,
    language_of,
    part_transcripts,
)

PARTS = [
    Part(part=number, first_page=number, pages=1, start_ms=start, end_ms=end, sound=True)
    for number, start, end in ((1, 0, 60_000), (2, 60_000, 120_000))
]
PIECES = [
    SpeechPiece(part=1, at_ms=0, start_ms=10_000, duration_ms=2_000),
    SpeechPiece(part=1, at_ms=2_300, start_ms=30_000, duration_ms=1_700),
    SpeechPiece(part=2, at_ms=4_300, start_ms=61_000, duration_ms=5_000),
]


def spoken(
    text: str, start: float, end: float, speaker: str | None = None, confidence: str = "0.9"
) -> dict[str, Any]:
    label = {} if speaker is None else {"speaker_label": speaker}
    return {
        "type": "pronunciation",
        "alternatives": [{"confidence": confidence, "content": text}],
        "start_time": str(start),
        "end_time": str(end),
        **label,
    }


def mark(text: str) -> dict[str, Any]:
    return {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": text}]}


def output(*items: dict[str, Any], **results: Any) -> bytes:
    document = {"jobName": "j", "status": "COMPLETED", "results": {"items": items, **results}}
    return json.dumps(document).encode()


def test_words_are_put_back_where_they_are_said_and_counted_by_who_speaks_first() -> None:
    written = output(
        spoken("Well", 0.5, 1.0, "spk_3"),
        mark(","),
        spoken("now", 1.2, 1.6, "spk_3"),
        mark("."),
        spoken("Yes", 2.5, 2.9, "spk_0"),
        spoken("sir", 4.5, 5.0, "spk_3", "0.25"),
        mark("!"),
        language_code="en-US",
        language_identification=[{"code": "en-US", "score": "0.97"}],
    )
    first, second = part_transcripts(written, PIECES, PARTS, "Amazon Transcribe")
    words = [
        [(w.text, w.start_ms, w.end_ms, w.speaker) for w in segment.words]
        for segment in first.segments
    ]
    assert words == [
        [(" Well,", 10_500, 11_000, 1), (" now.", 11_200, 11_600, 1)],
        [(" Yes", 30_200, 30_600, 2)],
    ]
    assert [(s.text, s.start_ms, s.end_ms, s.speaker) for s in second.segments] == [
        ("sir!", 61_200, 61_700, 1)
    ]
    assert second.segments[0].words[0].probability == 0.25
    assert (first.language, first.language_probability) == ("en", 0.97)
    assert (first.speech_ms, second.speech_ms) == (3_700, 5_000)


def test_a_word_ends_with_the_speech_that_it_was_heard_in() -> None:
    reaches_out = spoken("long", 1.5, 2.25)
    in_silence = spoken("late", 2.2, 2.29)
    (first, _) = part_transcripts(output(reaches_out, in_silence), PIECES, PARTS, "T")
    assert [(w.start_ms, w.end_ms) for s in first.segments for w in s.words] == [
        (11_500, 12_000),
        (30_000, 30_000),
    ]


def test_a_word_lasts_no_longer_than_whispers() -> None:
    (_, second) = part_transcripts(output(spoken("oh", 4.5, 9.0)), PIECES, PARTS, "T")
    (word,) = second.segments[0].words
    assert word.end_ms - word.start_ms == MAX_WORD_MS


def test_languages_without_spaces_are_written_without() -> None:
    written = output(
        spoken("今日", 0.1, 0.4), spoken("は", 0.4, 0.6), mark("。"), language_code="ja-JP"
    )
    (first, second) = part_transcripts(written, PIECES, PARTS, "T")
    assert (first.text, first.language) == ("今日は。", "ja")
    assert (second.text, second.language) == ("", "")


@pytest.mark.parametrize(
    ("code", "language"),
    [("en-US", "en"), ("zh-TW", "zh"), ("jv-ID", "jw"), ("de-CH", "de"), ("", "")],
)
def test_languages_have_whispers_codes(code: str, language: str) -> None:
    assert language_of(code) == language


@pytest.mark.parametrize("written", [b"", b"[]", b"{}", b'{"results": {"items": [{}]}}', b"\xff"])
def test_what_is_no_output_of_a_job_is_a_failure_of_its_model(written: bytes) -> None:
    with pytest.raises(ModelFailure, match="Amazon Transcribe wrote no transcript"):
        part_transcripts(written, PIECES, PARTS, "Amazon Transcribe")


@given(
    st.lists(
        st.tuples(
            st.floats(0, 12),
            st.floats(0, 4),
            st.sampled_from(("a", "b.", "c?")),
            st.sampled_from((None, "spk_0", "spk_1")),
        ),
        max_size=30,
    )
)
def test_no_word_is_lost_or_outside_of_speech(
    said: list[tuple[float, float, str, str | None]],
) -> None:
    said = sorted(said, key=lambda each: each[0])
    items = [spoken(text, start, start + lasts, speaker) for start, lasts, text, speaker in said]
    parts = part_transcripts(output(*items), PIECES, PARTS, "T")
    words = [word for part in parts for segment in part.segments for word in segment.words]
    assert sorted(word.text.strip() for word in words) == sorted(text for _, _, text, _ in said)
    spans = [(piece.start_ms, piece.start_ms + piece.duration_ms) for piece in PIECES]
    for word in words:
        assert 0 <= word.end_ms - word.start_ms <= MAX_WORD_MS
        assert any(first <= word.start_ms <= word.end_ms <= last for first, last in spans)
    for part in parts:
        for segment in part.segments:
            assert segment.end_ms - segment.start_ms <= MAX_SEGMENT_MS + MAX_WORD_MS
