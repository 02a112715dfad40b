from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.s3vectors.analysis import cjk, english, standard


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
    assert standard(text) == terms


def test_english_drops_stop_words_possessives_and_plurals() -> None:
    assert english("The mills' owners and the river's banks, policies, glass, bus") == [
        "mill",
        "owner",
        "river",
        "bank",
        "policy",
        "glass",
        "bus",
    ]


def test_east_asian_text_is_cut_into_pairs() -> None:
    assert cjk("東京都に go 서울") == ["東京", "京都", "都に", "go", "서울"]
    assert cjk("水") == ["水"]


@given(st.text())
def test_terms_are_lower_case_and_never_blank(text: str) -> None:
    for analyze in (standard, english, cjk):
        assert all(term.strip() and term == term.lower() for term in analyze(text))


@given(st.text("aB zÉ0-'.", max_size=30))
def test_terms_do_not_depend_on_case(text: str) -> None:
    assert standard(text.swapcase()) == standard(text)
