from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.retrieval.text.search_terms import (
    MAX_TERM,
    MAX_TERMS_BYTES,
    passage_terms,
    question_terms,
)
from localcloud.s3vectors.full_text import ANALYZERS


def test_a_passage_has_the_terms_of_its_file_name_and_heading() -> None:
    terms = passage_terms("Bearings were greased.", "Maintaining pumps", "2025/manual.md", "en")
    assert terms == "manual md maintain pump bear greas"


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("maintaining a pump", "the pumps' maintenance"),
        ("max pool size", "set max_pool_size"),
        ("max_pool_size", "set max_pool_size"),
        ("1000 euros", "a fee of 1,000 Euro"),
        ("XJ-4471", "the valve xj-4471."),
        ("version 1.2.3", "since Version 1.2.3"),
        ("Wie viele Häuser sind das?", "In dem Haus sind alle Häuser"),
        ("Pumpen", "In dem Haus sind alle Pumpen"),
        ("eau", "l'eau potable"),
        ("漢字", "漢字"),
    ],
)
def test_a_question_shares_terms_with_the_passage_that_answers_it(asked: str, written: str) -> None:
    language = "de" if "Haus" in written else "en"
    held = passage_terms(written, "", "", language).split()
    assert set(question_terms(asked)) & set(held)


def test_a_question_of_another_language_keeps_its_english_stems() -> None:
    """Its passages may be of documents whose language could not be told."""
    terms = question_terms("Wie viele Pumpen hat das Werk?")
    assert {"pumpen", "pump"} <= set(terms)


def test_words_of_grammar_are_no_terms() -> None:
    assert question_terms("What is it?") == []


@given(
    st.text("asingedSEé\u00e4ß\u0130_'\u2019.,-/1290 \n\u03c3\u0436", max_size=400),
    st.sampled_from(["en", "de", "fi", "cs", "xx", ""]),
)
def test_an_analyser_of_words_takes_the_terms_as_they_are(text: str, language: str) -> None:
    terms = passage_terms(text, "", "", language)
    assert ANALYZERS[None](terms) == terms.split()


def test_a_passage_of_endless_codes_stays_within_the_metadata_of_a_vector() -> None:
    codes = " ".join(f"{n:0100x}" for n in range(5_000))
    terms = passage_terms(codes, "", "", "en")
    assert MAX_TERMS_BYTES - MAX_TERM <= len(terms) <= MAX_TERMS_BYTES
    assert set(map(len, terms.split())) == {MAX_TERM}
