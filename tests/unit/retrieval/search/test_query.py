from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.retrieval.search.query import MAX_QUERY_TEXT, fit_query_text
from chalicelib.retrieval.text.terms import words


def test_should_leave_a_short_question_as_it_is() -> None:
    query = fit_query_text("What is the fee?")
    assert (query.text, query.notice) == ("What is the fee?", None)


def test_should_cut_a_long_question_to_its_rarest_terms_in_their_order() -> None:
    question = "please tell me about the " * 60 + "extraordinarily peculiar code XJ-4471 today"
    query = fit_query_text(question)
    assert query.text == "extraordinarily peculiar code xj 4471 today"
    assert query.notice is not None
    assert "6 rarest terms" in query.notice


def test_should_say_that_only_the_meaning_is_searched_for_where_no_term_is_rare() -> None:
    query = fit_query_text("what is it that you have " * 60)
    assert query.text == ""
    assert query.notice is not None
    assert "only common words are in it, so it was searched for by meaning alone" in query.notice


def test_should_not_speak_of_a_single_term_as_of_many() -> None:
    assert "cut to its rarest term." in str(fit_query_text("what is the fee " * 90).notice)


def test_should_prefer_long_words_and_numbers_where_not_all_fit() -> None:
    short = " ".join(f"w{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(400))
    text = fit_query_text(f"{short} electroencephalography 4471").text.split()
    assert {"electroencephalography", "4471"} <= set(text)


@given(st.text(min_size=MAX_QUERY_TEXT + 1, max_size=3000))
def test_should_always_fit_and_only_hold_words_of_the_question(question: str) -> None:
    query = fit_query_text(question)
    assert len(query.text) <= MAX_QUERY_TEXT
    assert query.notice
    asked = words(question)
    assert all(
        any(word.startswith(kept) for word in asked) for kept in query.text.split(" ") if kept
    )
