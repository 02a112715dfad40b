"""What votes change of an answer: which of the sentences that support one is taken."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.answer_log import LoggedAnswer, PageSpan
from chalicelib.contracts.answers import AskResponse
from chalicelib.contracts.search import Hit
from chalicelib.errors import HeadraceError, Transient
from chalicelib.retrieval.answer.answer_log import MAX_SHOWN, NOT_LOGGED
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.evidence import (
    MAX_FEEDBACK_SUPPORT,
    MIN_SUPPORT,
    Evidence,
    boost_evidence,
    extract_claims,
)
from chalicelib.retrieval.answer.pipeline import QuestionAnswerer
from chalicelib.retrieval.search.query import Query
from chalicelib.retrieval.search.searcher import Searcher
from chalicelib.retrieval.text.sentences import TextSpan
from tests.unit.feedback.fakes import FakeRatings, answer_log
from tests.unit.ingest.fakes import FakeTenants
from tests.unit.retrieval.fakes import (
    FakeChecker,
    FakeDeclarations,
    FakeEmbedder,
    FakeIndex,
    FakePrices,
    FakeScreen,
    FakeVersions,
    hit,
)

PASSAGE = hit("x" * 100)


def answerer(
    ratings: FakeRatings, hits: list[Hit], logged: list[HeadraceError] | None = None
) -> QuestionAnswerer:
    embedder = FakeEmbedder()
    searcher = Searcher(
        embedder,
        FakeTenants(),
        FakeIndex(hits),
        FakeVersions({"doc_a": "v_1", "doc_b": "v_1"}),
        FakeDeclarations(),
        votes=ratings,
    )
    keeps = answer_log(ratings, logged)
    return QuestionAnswerer(
        searcher, embedder, None, FakePrices(), FakeChecker(), FakeScreen(), keeps
    )


def ask(answerer: QuestionAnswerer, text: str = "The pump weighs how much kg?") -> AskResponse:
    return answerer.answer(Query("acme", text, None, 10, "req-1"))


def evidence(n: int, support: float) -> Evidence:
    """A sentence of ten characters, the n-th of the passage."""
    return Evidence(
        SourceSentence(PASSAGE, TextSpan(10 * n, 10 * n + 10), f"s{n}"), (1.0, float(n)), support
    )


def place(n: int) -> PageSpan:
    return PageSpan(document_id="doc_a", version="v_1", page=1, start=10 * n, end=10 * n + 10)


def test_a_vote_chooses_between_sentences_that_support_nearly_as_well() -> None:
    told = [evidence(0, 0.64), evidence(1, 0.61), evidence(2, 0.55)]
    assert boost_evidence(told, {}) == told
    for voted, first in (({place(1): 1.0}, 1), ({place(2): 1.0}, 0), ({place(0): -1.0}, 1)):
        assert boost_evidence(told, voted)[0].source == told[first].source


supports = st.lists(st.floats(0, 1, allow_nan=False), max_size=6).map(
    lambda found: sorted(found, reverse=True)
)
opinions = st.dictionaries(st.integers(0, 5).map(place), st.floats(-1, 1, allow_nan=False))


@given(supports, opinions)
def test_votes_lend_and_take_no_more_support_than_a_bound(
    given: list[float], voted: dict[PageSpan, float]
) -> None:
    told = [evidence(n, support) for n, support in enumerate(given)]
    found = boost_evidence(told, voted)
    assert [item.support for item in found] == sorted(
        (item.support for item in found), reverse=True
    )
    before = {item.source.span.start: item.support for item in told}
    assert {item.source.span.start for item in found} == set(before)
    for item in found:
        assert abs(item.support - before[item.source.span.start]) <= MAX_FEEDBACK_SUPPORT + 1e-9


@given(supports)
def test_without_votes_nothing_changes(given: list[float]) -> None:
    told = [evidence(n, support) for n, support in enumerate(given)]
    assert boost_evidence(told, {}) == told
    elsewhere = place(0).model_copy(update={"document_id": "doc_b"})
    assert boost_evidence(told, {elsewhere: 1.0}) == told


def test_a_sentence_that_nearly_answers_does_where_it_is_pointed_to_and_one_far_from_it_not() -> (
    None
):
    near, far = (
        evidence(0, MIN_SUPPORT - MAX_FEEDBACK_SUPPORT / 2),
        evidence(1, MIN_SUPPORT - 2 * MAX_FEEDBACK_SUPPORT),
    )
    assert extract_claims([near, far]) == []
    ((_, answers),) = extract_claims(boost_evidence([near, far], {place(0): 1.0}))
    assert answers == near.source
    assert extract_claims(boost_evidence([near, far], {place(1): 1.0})) == []


def test_a_sentence_that_barely_answers_ceases_to_where_it_is_rated_down() -> None:
    told = [evidence(0, MIN_SUPPORT + MAX_FEEDBACK_SUPPORT / 2)]
    assert extract_claims(told)
    assert extract_claims(boost_evidence(told, {place(0): -1.0})) == []


@given(supports, opinions, st.randoms(use_true_random=False))
def test_the_order_of_votes_says_nothing(
    given: list[float], voted: dict[PageSpan, float], chance: random.Random
) -> None:
    told = [evidence(n, support) for n, support in enumerate(given)]
    shuffled = list(voted.items())
    chance.shuffle(shuffled)
    assert boost_evidence(told, dict(shuffled)) == boost_evidence(told, voted)


def kept(ratings: FakeRatings, answer_id: str) -> LoggedAnswer:
    return ratings.kept["acme", answer_id].answer


def test_an_answer_is_kept_under_the_id_that_it_tells() -> None:
    ratings = FakeRatings()
    hits = [hit("The pump weighs 41 kg.", start=100 * n) for n in range(MAX_SHOWN + 3)]
    answer = ask(answerer(ratings, hits))
    found = kept(ratings, answer.answer_id)
    assert (found.kind, found.answer, found.tier) == ("answer", answer.answer, answer.tier)
    assert (found.question, found.asked_as) == ("The pump weighs how much kg?",) * 2
    assert len(found.shown) == MAX_SHOWN
    assert [quoted.quote for quoted in found.cited] == [each.quote for each in answer.citations]


def test_two_answers_to_one_question_are_two_to_rate() -> None:
    ratings = FakeRatings()
    answers = answerer(ratings, [hit("The pump weighs 41 kg.")])
    assert ask(answers).answer_id != ask(answers).answer_id
    assert len(ratings.kept) == 2


@pytest.mark.parametrize("question", ["The pump weighs how much kg?", "Who won the cup in 1998?"])
def test_an_answer_that_cannot_be_kept_is_given_all_the_same(question: str) -> None:
    logged: list[HeadraceError] = []
    ratings = FakeRatings(fails=Transient("the table is away"))
    hits = [hit("The pump weighs 41 kg.")]
    answer = ask(answerer(ratings, hits, logged), question)
    assert (answer.answer_id, answer.notices) == ("", (NOT_LOGGED,))
    assert answer.answer == ask(answerer(FakeRatings(), hits), question).answer
    assert logged == [ratings.fails]
