"""Chapters, their titles, and the sentences that sum them up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.outlines import SpokenSentence
from chalicelib.contracts.speech import SpeechSegment, SpokenWord
from chalicelib.retrieval.text.central_sentences import central_sentences
from chalicelib.retrieval.text.chapters import (
    MAX_MS,
    MIN_MS,
    chapter_starts,
    chapter_titles,
    sentence_terms,
)
from chalicelib.retrieval.text.outlines import outline, spoken_sentences

RIVER = ["river", "weir", "gate", "flood", "sluice", "water", "level", "dam", "spillway", "bank"]
BREAD = ["flour", "oven", "dough", "yeast", "crust", "loaf", "baker", "salt", "kneading", "rye"]


def _segments(*subjects: list[str], each: int = 30, lasts: int = 5_000) -> list[SpeechSegment]:
    """Return segments of five words of each subject in turn, drawn anew, a sentence each."""
    rng = np.random.default_rng(7)
    found = list[SpeechSegment]()
    for subject in subjects:
        for _ in range(each):
            start = len(found) * lasts
            said = [f" {word}" for word in rng.choice(subject, 5)]
            words = [
                SpokenWord(
                    text=text + ("." if at == 4 else ""),
                    start_ms=start + at * 500,
                    end_ms=start + at * 500 + 400,
                    probability=1,
                    speaker=1 + len(found) % 2,
                )
                for at, text in enumerate(said)
            ]
            found.append(
                SpeechSegment(
                    start_ms=start, end_ms=words[-1].end_ms, text="", words=tuple(words), speaker=1
                )
            )
    return found


def test_a_chapter_begins_where_other_words_do() -> None:
    told = outline(_segments(RIVER, BREAD, RIVER))

    assert [chapter.start_ms for chapter in told.chapters] == [0, 150_000, 300_000]
    assert [chapter.end_ms for chapter in told.chapters[:2]] == [150_000, 300_000]
    assert told.speakers == 2
    assert set(told.chapters[1].title.lower().split(", ")) <= set(BREAD)
    assert all(len(chapter.summary) == 1 for chapter in told.chapters)
    assert told.chapters[1].summary[0].start_ms >= 150_000


def test_one_subject_is_one_chapter_and_nothing_said_is_none() -> None:
    assert len(outline(_segments(RIVER)).chapters) == 1
    assert outline([]).chapters == ()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 2_000_000)), max_size=30))
def test_chapters_hold_every_sentence_and_last_neither_too_short_nor_too_long(
    drawn: list[tuple[int, int]],
) -> None:
    said, at = list[SpokenSentence](), 0
    for word, lasts in drawn:
        text = (RIVER + BREAD)[2 * word]
        said.append(SpokenSentence(start_ms=at, end_ms=at + lasts, text=text))
        at += lasts
    starts = chapter_starts(said, [sentence_terms(each.text) for each in said])

    assert starts[:1] == ([0] if said else [])
    assert starts == sorted(set(starts))
    for first, behind in pairwise([*starts, len(said)]):
        lasts = said[behind - 1].end_ms - said[first].start_ms
        assert lasts <= MAX_MS or behind == first + 1
        following = said[behind].end_ms if behind < len(said) else 0
        is_short_for_a_reason = not following or following - said[first].start_ms > MAX_MS
        assert lasts >= MIN_MS or is_short_for_a_reason


def test_a_title_is_of_words_that_other_chapters_lack() -> None:
    both = ["The pump hums.", "The pump stops."]

    titles = chapter_titles([[*both, "Valves leak, the valve drips."], [*both, "Rain falls."]])

    assert titles[0].startswith("Valve")
    assert "Rain" in titles[1].split(", ")
    assert chapter_titles([["It was so."]]) == [""]


def test_the_sentence_that_shares_most_is_central_and_its_twin_is_not_taken_with_it() -> None:
    said = [
        "The flood opened the gate of the weir.",
        "The flood opened the gate of the weir.",
        "A baker kneads the dough by the oven.",
        "The gate of the weir holds the flood of the river.",
        "Yes.",
    ]
    terms = [sentence_terms(each) for each in said]

    assert central_sentences(terms, 1)[0] in (0, 1)
    assert not {0, 1} <= set(central_sentences(terms, 2))
    assert central_sentences([[], []], 2) == []
    assert central_sentences([["yes"]], 2) == [0]


def test_a_sentence_ends_at_its_full_stop_at_a_pause_and_at_another_voice() -> None:
    words = [
        SpokenWord(text=text, start_ms=start, end_ms=start + 400, probability=1, speaker=speaker)
        for text, start, speaker in (
            (" It", 0, 1),
            (" is.", 500, 1),
            (" Not", 1_000, 1),
            (" yet", 4_000, 1),
            (" why", 4_500, 2),
        )
    ]
    halves = [
        SpeechSegment(start_ms=0, end_ms=1, text="", words=tuple(some))
        for some in (words[:1], words[1:])
    ]

    found = list(spoken_sentences(halves))

    assert [(each.text, each.start_ms, each.end_ms) for each in found] == [
        ("It is.", 0, 900),
        ("Not", 1_000, 1_400),
        ("yet", 4_000, 4_400),
        ("why", 4_500, 4_900),
    ]
    assert [each.speaker for each in found] == [1, 1, 1, 2]
