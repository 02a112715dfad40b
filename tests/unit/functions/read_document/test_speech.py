"""The page of a part of a recording, and the times of passages and quotes on it."""

from __future__ import annotations

from chalicelib.contracts.ingest import Chunk
from chalicelib.contracts.page_times import TimePoint, dump_timeline, parse_timeline
from chalicelib.contracts.parts import Part
from chalicelib.contracts.speech import SpeechSegment, SpokenWord, Transcript
from chalicelib.retrieval.text.timelines import TimeRange, quote_time, timed_chunks
from functions.read_document.speech import speech_page
from tests.unit.retrieval.fakes import hit

PART = Part(part=2, first_page=2, pages=1, start_ms=60_000, end_ms=90_000, sound=True)


def _segment(text: str, start_ms: int, speaker: int = 1) -> SpeechSegment:
    """Return a segment whose words take 400 ms each, and 100 ms between them."""
    words = tuple(
        SpokenWord(
            text=f" {word}",
            start_ms=start_ms + 500 * at,
            end_ms=start_ms + 500 * at + 400,
            probability=0.9,
            speaker=speaker,
        )
        for at, word in enumerate(text.split())
    )
    return SpeechSegment(
        start_ms=start_ms, end_ms=words[-1].end_ms, text=text, words=words, speaker=speaker
    )


TALK = Transcript(
    language="en",
    segments=(
        _segment("Hello there.", 60_500),
        _segment("The valve is open.", 61_600),
        _segment("Close it now.", 70_000),
        _segment("Yes.", 72_000, speaker=2),
    ),
)


def test_words_keep_their_times_beside_the_text() -> None:
    page, times = speech_page(PART, TALK)

    assert page.text == "Hello there. The valve is open.\n\nClose it now.\n\nYes."
    assert (page.page, page.described, times.page, times.kind) == (2, 0, 2, "speech")
    assert [page.text[span.start : span.end] for span in times.spans] == page.text.split()
    assert (times.spans[2].start_ms, times.spans[2].end_ms) == (61_600, 62_000)
    assert (times.start_ms, times.end_ms) == (60_000, 90_000)


def test_a_description_comes_before_what_is_said() -> None:
    described = PART.model_copy(update={"description": "a.wav is a recording of 30 seconds."})

    page, times = speech_page(described, TALK)
    silent, nothing = speech_page(described, Transcript())

    assert page.text.startswith("a.wav is a recording of 30 seconds.\n\nHello there.")
    assert page.described == len(described.description)
    assert page.text[times.spans[0].start :].startswith("Hello")
    assert (silent.text, nothing.spans) == (described.description, ())


def test_passages_have_the_times_of_their_words_and_of_their_sentences() -> None:
    page, times = speech_page(PART, TALK)
    first, last = page.text.index("The"), page.text.index("\n\nYes")
    chunk = Chunk(n=0, page=2, heading="", start=first, end=last, text=page.text[first:last])

    (timed,) = timed_chunks([chunk], [page], [times])

    assert (timed.start_ms, timed.end_ms) == (61_600, 71_400)
    close = page.text.index("Close")
    assert timed.timeline == (
        TimePoint(at=first, ms=61_600, speaker=1),
        TimePoint(at=close, ms=70_000, speaker=1),
    )
    assert parse_timeline(dump_timeline(timed.timeline)) == timed.timeline
    assert parse_timeline("0:12500 41:15250")[1] == TimePoint(at=41, ms=15_250)


def test_a_passage_without_words_has_the_time_of_its_page() -> None:
    described = PART.model_copy(update={"description": "a.wav is a recording of 30 seconds."})
    page, times = speech_page(described, TALK)
    chunk = Chunk(n=0, page=2, heading="", start=0, end=page.described, text=described.description)

    (timed,) = timed_chunks([chunk], [page], [times])

    assert (timed.start_ms, timed.end_ms, timed.timeline) == (60_000, 90_000, ())
    assert timed.described


def test_a_quote_has_the_time_of_its_sentences() -> None:
    passage = hit("Hello there. The valve is open. Close it now.").model_copy(
        update={
            "start_ms": 60_500,
            "end_ms": 71_400,
            "timeline": (
                TimePoint(at=0, ms=60_500, speaker=1),
                TimePoint(at=13, ms=61_600, speaker=1),
                TimePoint(at=32, ms=70_000, speaker=2),
            ),
        }
    )

    assert quote_time(passage, 13, 31) == TimeRange(61_600, 70_000, speaker=1)
    assert quote_time(passage, 32, 45) == TimeRange(70_000, 71_400, speaker=2)
    assert quote_time(passage, 0, 45) == TimeRange(60_500, 71_400, speaker=None)
    assert quote_time(hit("Text of a file."), 0, 4) is None
