"""Passages of speech by pauses and seconds, whatever the words are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.page_times import TimedSpan
from chalicelib.retrieval.text.spoken_passages import PassageLengths, spoken_passages

LENGTHS = PassageLengths(pause_ms=700, min_ms=4_000, max_ms=10_000)

_WORDS = st.lists(
    st.tuples(
        st.sampled_from(("water", "valve", "opens.", "Close", "it!", "so\n\n")),
        st.integers(0, 9_000),
        st.integers(10, 3_000),
    ),
    max_size=40,
)


def _page(words: list[tuple[str, int, int]]) -> tuple[str, tuple[TimedSpan, ...]]:
    """Return the text and the spans of words with the silence before each and its duration."""
    text, spans, at = "", list[TimedSpan](), 0
    for word, silence, duration in words:
        start, at = len(text), at + silence
        spans.append(TimedSpan(start, start + len(word.rstrip()), at, at + duration))
        text += word if word.endswith("\n") else f"{word} "
        at += duration
    return text, tuple(spans)


def _texts(words: list[tuple[str, int, int]], lengths: PassageLengths = LENGTHS) -> list[str]:
    text, spans = _page(words)
    return [text[each.start : each.end] for each in spoken_passages(text, spans, lengths)]


def test_a_passage_ends_at_a_pause_between_sentences_once_it_is_long_enough() -> None:
    short = [("One.", 0, 2_000), ("Two.", 900, 2_000), ("Three.", 800, 1_000)]
    hasty = [("One.", 0, 2_000), ("Two.", 100, 2_500), ("Three.", 600, 1_000)]
    within = [("One", 0, 5_000), ("goes", 2_000, 500), ("on.", 100, 500)]

    assert _texts(short) == ["One. Two.", "Three."]
    assert _texts(hasty) == ["One. Two. Three."]
    assert _texts(within) == ["One goes on."]


def test_a_passage_ends_before_it_is_too_long() -> None:
    assert _texts([("One.", 0, 6_000), ("Two.", 100, 3_000), ("Three.", 100, 3_000)]) == [
        "One. Two.",
        "Three.",
    ]


def test_a_sentence_that_is_too_long_itself_is_cut_at_its_longest_silence() -> None:
    words = [("a", 0, 3_000), ("b", 50, 3_000), ("c", 400, 3_000), ("d", 60, 3_000)]

    assert _texts(words) == ["a b", "c d"]


@given(_WORDS)
def test_passages_have_every_word_once_and_none_is_too_long(
    words: list[tuple[str, int, int]],
) -> None:
    text, spans = _page(words)

    passages = list(spoken_passages(text, spans, LENGTHS))

    held = [[span for span in spans if each.start <= span.start < each.end] for each in passages]
    assert [span for some in held for span in some] == list(spans)
    assert all(one.end <= other.start for one, other in pairwise(passages))
    for some in held:
        assert len(some) == 1 or some[-1].end_ms - some[0].start_ms <= LENGTHS.max_ms
