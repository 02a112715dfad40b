from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.s3vectors.full_text import (
    K1,
    B,
    TextIndex,
    cjk_terms,
    english_terms,
    standard_terms,
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        (
            "The QUICK brown-foxes, 2 of them.",
            ["the", "quick", "brown", "foxes", "2", "of", "them"],
        ),
        ("Don't pay €1,234.50 for ISO-9001", ["don't", "pay", "1,234.50", "for", "iso", "9001"]),
        ("Die Straße über Ærø", ["die", "straße", "über", "ærø"]),
        ("東京タワー tower", ["東", "京", "タワー", "tower"]),
        ("ﬁle_name ①", ["file_name", "1"]),
        ("?!", []),
    ],
)
def test_the_standard_analyzer_takes_words(text: str, terms: list[str]) -> None:
    assert standard_terms(text) == terms


def test_english_drops_stop_words_possessives_and_plurals() -> None:
    assert english_terms("The mills' owners and the river's banks, policies, glass, bus") == [
        "mill",
        "owner",
        "river",
        "bank",
        "policy",
        "glass",
        "bus",
    ]


def test_east_asian_text_is_cut_into_pairs() -> None:
    assert cjk_terms("東京都に go 서울") == ["東京", "京都", "都に", "go", "서울"]
    assert cjk_terms("水") == ["水"]


@given(st.text())
def test_terms_are_lower_case_and_never_blank(text: str) -> None:
    for analyze in (standard_terms, english_terms, cjk_terms):
        assert all(term.strip() and term == term.lower() for term in analyze(text))


@given(st.text("aB zÉ0-'.", max_size=30))
def test_terms_do_not_depend_on_case(text: str) -> None:
    assert standard_terms(text.swapcase()) == standard_terms(text)


WORDS = st.lists(st.sampled_from("abcde"), max_size=8)
WRITES = st.lists(st.tuples(st.integers(0, 5), st.none() | WORDS), max_size=25)


def naive(documents: dict[int, list[str]], query: list[str], row: int) -> float:
    """BM25 as the textbook has it, over the documents that have any words."""
    filled = [words for words in documents.values() if words]
    words = documents.get(row, [])
    if not words:
        return 0.0
    average = sum(map(len, filled)) / len(filled)
    score = 0.0
    for term in query:
        having = sum(term in document for document in filled)
        idf = math.log(1 + (len(filled) - having + 0.5) / (having + 0.5))
        count = words.count(term)
        score += idf * count * (K1 + 1) / (count + K1 * (1 - B + B * len(words) / average))
    return score


@given(WRITES, WORDS)
def test_scores_are_the_textbooks_after_any_writes(
    writes: list[tuple[int, list[str] | None]], query: list[str]
) -> None:
    index = TextIndex()
    rows: dict[int, list[str]] = {}
    row_of: dict[int, int] = {}
    for row, (document, words) in enumerate(writes):
        if document in row_of:
            old = row_of.pop(document)
            index.remove(old, Counter(rows.pop(old)))
        if words is not None:
            index.add(row, Counter(words))
            row_of[document] = row
            rows[row] = words
    scores = index.scores(query, len(writes))
    expected = [naive(rows, query, row) for row in range(len(writes))]
    assert scores.tolist() == pytest.approx(expected)


def test_rarer_terms_and_shorter_texts_score_higher() -> None:
    index = TextIndex()
    for row, words in enumerate(["mill race", "mill wheel", "mill wheel wheel pond weir"]):
        index.add(row, Counter(words.split()))
    mill = index.scores(["mill"], 3)
    assert mill[0] == mill[1] > mill[2] > 0
    assert index.scores(["race"], 3)[0] > mill[0]
    assert index.scores(["sluice"], 3).tolist() == [0, 0, 0]
