"""How far ratings move what is found."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contracts.answer_log import LoggedAnswer, PageSpan, QuotedSpan, RatedSpan, Rating
from chalicelib.contracts.search import Hit
from chalicelib.retrieval.search.feedback_boost import (
    MAX_BOOST,
    MIN_SIMILARITY,
    Vote,
    boost_by_votes,
    marks_for_rating,
    pack_vector,
    passage_weight,
    unpack_vector,
    vote_weights,
)
from tests.soak import often
from tests.unit.feedback.fakes import NOW
from tests.unit.retrieval.fakes import hit

MODEL = "words"
PAGE = PageSpan(document_id="doc_a", version="v_1", page=1, start=0, end=100)

components = st.floats(-1, 1, allow_nan=False).map(lambda value: round(value, 3))
vectors = st.lists(components, min_size=8, max_size=8).filter(
    lambda found: math.hypot(*found) > 0.1
)
marks = st.builds(
    RatedSpan,
    document_id=st.sampled_from(["doc_a", "doc_b", "doc_c"]),
    version=st.sampled_from(["v_1", "v_2"]),
    page=st.integers(1, 2),
    start=st.integers(0, 50),
    end=st.integers(51, 120),
    mark=st.sampled_from([1, -1]),
)
votes = st.builds(
    Vote,
    model=st.sampled_from([MODEL, MODEL, "another"]),
    vector=vectors.map(lambda found: unpack_vector(pack_vector(found))),
    marks=st.lists(marks, max_size=3).map(tuple),
)
hits = st.lists(
    st.builds(
        lambda document, page, start, score: hit(
            "x" * 60, document, page=page, start=start, score=score
        ),
        st.sampled_from(["doc_a", "doc_b", "doc_c"]),
        st.integers(1, 2),
        st.integers(0, 100),
        st.floats(-1, 1, allow_nan=False),
    ),
    max_size=8,
)


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))


def vote(vector: list[float], *marked: RatedSpan, model: str = MODEL) -> Vote:
    return Vote(model, unpack_vector(pack_vector(vector)), marked)


def mark(place: PageSpan = PAGE, value: int = 1) -> RatedSpan:
    return RatedSpan.model_validate(place.model_dump() | {"mark": value})


@given(vectors)
def test_a_vector_keeps_its_direction_in_a_byte_a_dimension(vector: list[float]) -> None:
    kept = pack_vector(vector)
    assert len(kept) == len(vector)
    assert cosine(list(unpack_vector(kept)), vector) > 0.9999
    assert math.hypot(*unpack_vector(kept)) == pytest.approx(1)


def test_a_vector_without_a_direction_is_like_none() -> None:
    assert unpack_vector(pack_vector([0.0] * 4)) == (0.0,) * 4
    assert vote_weights([vote([0.0] * 4, mark())], MODEL, [0.0] * 4) == {}


@given(st.lists(votes, max_size=6), vectors, hits)
def test_no_passage_moves_by_more_than_a_bounded_share_of_its_score(
    cast: list[Vote], vector: list[float], found: list[Hit]
) -> None:
    voted = vote_weights(cast, MODEL, vector)
    assert all(-1 <= weight <= 1 for weight in voted.values())
    before = sorted((each.document_id, each.page, each.start) for each in found)
    moved = boost_by_votes(found, voted)
    assert sorted((each.document_id, each.page, each.start) for each in moved) == before
    assert [each.score for each in moved] == sorted(
        (each.score for each in moved), reverse=True
    ) or (not voted)
    for each in moved:
        was = each.score - (each.scores.feedback or 0.0)
        assert abs(each.scores.feedback or 0.0) <= MAX_BOOST * abs(was) + 1e-12


@given(st.lists(votes, max_size=6), vectors, hits, st.randoms(use_true_random=False))
def test_the_order_in_which_people_vote_says_nothing(
    cast: list[Vote], vector: list[float], found: list[Hit], chance: random.Random
) -> None:
    shuffled = list(cast)
    chance.shuffle(shuffled)
    assert vote_weights(shuffled, MODEL, vector) == vote_weights(cast, MODEL, vector)
    assert boost_by_votes(found, vote_weights(shuffled, MODEL, vector)) == boost_by_votes(
        found, vote_weights(cast, MODEL, vector)
    )


@settings(max_examples=often(200, 50))
@given(vectors, vectors, hits)
def test_a_vote_counts_for_nothing_below_the_least_likeness(
    asked: list[float], rated: list[float], found: list[Hit]
) -> None:
    cast = vote(rated, mark(), mark(PAGE.model_copy(update={"document_id": "doc_b"}), -1))
    voted = vote_weights([cast], MODEL, asked)
    likeness = cosine(list(cast.vector), asked)
    assert bool(voted) == (likeness > MIN_SIMILARITY)
    if likeness <= MIN_SIMILARITY:
        assert boost_by_votes(found, voted) == found


def test_a_vote_counts_whole_for_the_same_question_and_less_for_one_less_alike() -> None:
    same = [1.0, 0.0]
    near = [math.cos(0.4), math.sin(0.4)]
    nearer = [math.cos(0.2), math.sin(0.2)]
    told = [
        vote_weights([vote(same, mark())], MODEL, asked)[PAGE] for asked in (same, nearer, near)
    ]
    assert told[0] == pytest.approx(1)
    assert 0 < told[2] < told[1] < told[0]


def test_many_votes_count_no_more_than_one_and_opposite_ones_nothing() -> None:
    asked = [1.0, 0.0]
    assert vote_weights([vote(asked, mark())] * 50, MODEL, asked)[PAGE] == 1
    both = [vote(asked, mark()), vote(asked, mark(PAGE, -1))]
    assert vote_weights(both, MODEL, asked)[PAGE] == 0


def test_a_vote_of_another_model_or_for_another_version_counts_for_nothing() -> None:
    asked = [1.0, 0.0]
    assert vote_weights([vote(asked, mark(), model="another")], MODEL, asked) == {}
    assert vote_weights([vote([1.0, 0.0, 0.0], mark())], MODEL, asked) == {}
    old = PAGE.model_copy(update={"version": "v_0"})
    found = [hit("x" * 60)]
    assert boost_by_votes(found, vote_weights([vote(asked, mark(old))], MODEL, asked)) == found


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 100, 1.0), (20, 60, 1.0), (0, 400, 1.0), (60, 160, 0.0), (50, 150, 1.0), (100, 200, 0.0)],
)
def test_a_vote_is_for_what_lies_in_the_passage_or_holds_it(
    start: int, end: int, expected: float
) -> None:
    passage = hit("x" * (end - start), start=start)
    assert passage_weight(passage, {PAGE: 1.0}, start, end) == expected
    elsewhere = hit("x" * (end - start), start=start, page=2)
    assert passage_weight(elsewhere, {PAGE: 1.0}, start, end) == 0.0


def test_a_vote_lifts_a_passage_over_its_neighbour_and_not_over_one_far_better() -> None:
    asked = [1.0, 0.0]
    voted = vote_weights([vote(asked, mark())], MODEL, asked)
    near = [hit("x" * 60, "doc_b", score=0.0328), hit("x" * 60, "doc_a", score=0.0310)]
    first, second = boost_by_votes(near, voted)
    assert (first.document_id, second.document_id) == ("doc_a", "doc_b")
    assert first.scores.feedback == pytest.approx(MAX_BOOST * 0.0310)
    assert second.scores.feedback is None
    far = [hit("x" * 60, "doc_b", score=0.0328), hit("x" * 60, "doc_a", score=0.0164)]
    assert [each.document_id for each in boost_by_votes(far, voted)] == ["doc_b", "doc_a"]


def asked_with(*cited: PageSpan) -> LoggedAnswer:
    return LoggedAnswer(
        id="ans_1",
        kind="answer",
        question="q",
        asked_as="q",
        cited=tuple(QuotedSpan(**place.model_dump(), path="a.md") for place in cited),
        model=MODEL,
        asked_at=NOW,
    )


@pytest.mark.parametrize(("cited", "expected"), [((0,), [0]), ((), [9])])
def test_a_rating_should_be_about_the_nearest_passages_only_without_a_claim(
    cited: tuple[int, ...], expected: list[int]
) -> None:
    span = QuotedSpan(document_id="doc_a", version="v", path="a.md", page=1, start=9, end=12)
    claims = tuple(span.model_copy(update={"start": start}) for start in cited)
    asked = asked_with().model_copy(update={"cited": claims, "nearest": (span,)})
    assert [mark.start for mark in marks_for_rating(asked, "up", None)] == expected
    assert asked.numbered == (*claims, span)


@pytest.mark.parametrize(
    ("rating", "better", "expected"),
    [
        ("up", None, {("doc_a", 0): 1, ("doc_b", 0): 1}),
        ("down", None, {("doc_a", 0): -1, ("doc_b", 0): -1}),
        ("up", ("doc_c", 0), {("doc_a", 0): 1, ("doc_b", 0): 1, ("doc_c", 0): 1}),
        ("down", ("doc_c", 0), {("doc_a", 0): -1, ("doc_b", 0): -1, ("doc_c", 0): 1}),
        ("down", ("doc_a", 40), {("doc_a", 40): 1, ("doc_b", 0): -1}),
        ("down", ("doc_a", 200), {("doc_a", 0): -1, ("doc_a", 200): 1, ("doc_b", 0): -1}),
    ],
)
def test_a_rating_is_about_what_was_cited_and_what_is_better(
    rating: Rating, better: tuple[str, int] | None, expected: dict[tuple[str, int], int]
) -> None:
    other = PAGE.model_copy(update={"document_id": "doc_b"})
    named = None
    if better is not None:
        document, start = better
        named = PAGE.model_copy(
            update={"document_id": document, "start": start, "end": start + 100}
        )
    found = marks_for_rating(asked_with(PAGE, other, PAGE), rating, named)
    assert {(each.document_id, each.start): each.mark for each in found} == expected


def test_a_refusal_that_is_rated_says_nothing_of_passages() -> None:
    assert marks_for_rating(asked_with(), "down", None) == ()
