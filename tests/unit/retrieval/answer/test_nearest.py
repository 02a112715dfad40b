from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contracts.answers import MAX_NEAREST, MAX_NEAREST_CHARACTERS
from chalicelib.contracts.search import Hit
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.evidence import Evidence
from chalicelib.retrieval.answer.nearest import best_windows, nearest_passages
from chalicelib.retrieval.text.sentences import split_sentences
from tests.unit.retrieval.fakes import hit


def scored(passages: Sequence[Hit], word: str, score: float = 0.8) -> list[Evidence]:
    """Return all sentences as evidence, those with `word` with this score, the others with less."""
    evidence = []
    for passage in passages:
        for span in split_sentences(passage.text):
            text = passage.text[span.start : span.end]
            own = score if word in text else 0.1
            evidence.append(Evidence(SourceSentence(passage, span, text), (), own, 20 * own))
    return evidence


def quotes(passages: Sequence[Hit], word: str) -> list[str]:
    found = nearest_passages("What is it?", scored(passages, word))
    return [passage.citation.quote for passage in found]


FILLER = "Nothing of interest is said here, at some length. " * 12


def test_should_show_what_is_around_the_best_sentence_wherever_it_stands() -> None:
    text = f"{FILLER}Before it.\n\nThe valve is red. After it.\n\n{FILLER}"
    (first, *_) = quotes([hit(text)], "valve")
    assert "Before it.\n\nThe valve is red. After it." in first
    assert len(first) <= MAX_NEAREST_CHARACTERS


def test_should_keep_a_lead_in_with_its_list() -> None:
    text = f"{FILLER}\n\nThe valve has these states:\n\n- open\n- shut\n- stuck\n\n{FILLER}"
    (first, *_) = quotes([hit(text)], "valve")
    assert "The valve has these states:\n\n- open\n- shut\n- stuck" in first


def test_should_not_end_with_the_number_of_what_follows() -> None:
    words = "word " * 114
    (first, *_) = quotes(
        [hit(f"The valve is red, {words}red.\n\n3. Elections\n\n{words}.")], "valve"
    )
    assert first.endswith("red.")


def test_should_prefer_another_place_to_more_of_the_same() -> None:
    pages = [
        hit(f"The valve is red. {FILLER}", page=1),
        hit(f"{FILLER} A valve is round.", page=2),
        hit(FILLER, page=3),
    ]
    found = nearest_passages("x?", scored(pages, "valve"))
    assert {passage.citation.page for passage in found[:2]} == {1, 2}


def test_should_name_the_columns_of_rows_far_below_their_header() -> None:
    rows = "".join(f"| gate {n} | {n} kg |\n" for n in range(90))
    text = f"| Part | Weight |\n| --- | --- |\n{rows}| valve | 7 kg |\n"
    (first, *_) = nearest_passages("What does it weigh?", scored([hit(text)], "valve"))
    assert "| valve | 7 kg |" in first.citation.quote
    assert first.header is not None
    assert (first.header.n, first.header.quote) == (2, "| Part | Weight |")
    assert len(first.citation.quote) + len(first.header.quote) <= MAX_NEAREST_CHARACTERS


def test_should_not_show_twice_what_two_passages_share() -> None:
    text = f"The valve is red. {FILLER}"
    pages = [hit(text), hit(text[4:], start=4)]
    found = best_windows(scored(pages, "valve"))
    covered = [
        range(window.passage.start + window.span.start, window.passage.start + window.span.end)
        for window in found
    ]
    assert all(
        one.stop <= other.start or other.stop <= one.start
        for at, one in enumerate(covered)
        for other in covered[:at]
    )


def test_should_show_nothing_of_nothing() -> None:
    assert nearest_passages("What is it?", []) == ()


WORDS = st.lists(
    st.sampled_from(["valve", "gate", "|", "-", "\n\n", ".", "it", "is", "7", "of"]), max_size=400
)


@settings(deadline=None, max_examples=40)
@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=3))
def test_every_passage_should_be_an_exact_range_of_its_page(texts: list[str]) -> None:
    pages = [hit(text, page=n, start=n * 7) for n, text in enumerate(texts, 1)]
    found = nearest_passages("Which valve is 7?", scored(pages, "valve"))
    assert len(found) <= MAX_NEAREST
    for passage in found:
        cited = passage.citation
        page = pages[cited.page - 1]
        assert page.text[cited.start - page.start : cited.end - page.start] == cited.quote
        assert 0 < len(cited.quote) <= MAX_NEAREST_CHARACTERS
        for mark in passage.highlights:
            assert cited.start <= mark.start < mark.end <= cited.end
