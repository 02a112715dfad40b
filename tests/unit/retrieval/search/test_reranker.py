from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.functions.rerank_passages import MAX_HEADING, MAX_TEXT
from chalicelib.retrieval.search.reranker import (
    FEATURES,
    ComparedPassage,
    RerankHead,
    apply_rerank_scores,
    parse_head,
    passage_features,
    rerank_request,
)
from chalicelib.retrieval.text.terms import tokenize
from tests.unit.retrieval.fakes import hit

QUERY = tokenize("Who made the turbine?")


def compared(text: str, heading: str = "", **seen: float) -> ComparedPassage:
    """Return a passage whose words are as near to the query's as their stems are equal."""
    words = tokenize(text)
    return ComparedPassage(
        words=words,
        heading=heading,
        share=seen.get("share", 1.0),
        likeness=[[float(one.stem == other.stem) for other in words] for one in QUERY],
        cosine=seen.get("cosine", 0.5),
        tokens=int(seen.get("tokens", 10)),
    )


def told(passage: ComparedPassage, *others: ComparedPassage) -> dict[str, float]:
    return dict(zip(FEATURES, passage_features(QUERY, [passage, *others])[0], strict=True))


def test_should_tell_what_the_model_saw() -> None:
    found = told(compared("The turbine hums.", cosine=0.4, share=0.9, tokens=8))
    assert (found["cosine"], found["index"]) == (0.4, 0.9)
    assert found["length"] == pytest.approx(math.log(8))
    assert found["own words"] == pytest.approx(1 / 2)
    assert found["heading"] == 0


def test_should_count_a_rare_word_for_more_than_a_common_one() -> None:
    pump, turbine = compared("He made a pump."), compared("The turbine hums.")
    others = [compared("She made a wheel."), compared("They made a weir.")]
    assert told(turbine, pump, *others)["asked words"] > 0.5
    assert told(pump, turbine, *others)["asked words"] < 0.5


def test_should_tell_how_much_of_a_heading_the_query_holds() -> None:
    assert told(compared("It hums.", heading="The turbine"))["heading"] == 1
    assert told(compared("It hums.", heading="Turbine and weir"))["heading"] == 0.5


def test_should_take_texts_without_a_word_of_meaning() -> None:
    asked = tokenize("Who is it?")
    empty = ComparedPassage((), "", 1.0, [[] for _ in asked], 0.0, 2)
    assert passage_features(asked, [empty]) == [(0.0, 1.0, 0.0, 0.0, 0.0, math.log(2))]


def test_should_weigh_features_by_the_head() -> None:
    assert RerankHead((1.0, 2.0)).score((3.0, 0.5)) == 4.0


def test_should_refuse_a_head_for_other_features() -> None:
    weights = dict.fromkeys(FEATURES, 1.0)
    assert parse_head(json.dumps({"weights": weights})).weights == (1.0,) * len(FEATURES)
    weights.pop("length")
    with pytest.raises(ValueError, match="not for"):
        parse_head(json.dumps({"weights": weights}))


def test_should_ask_for_the_order_that_the_index_gave_and_cut_what_no_model_reads() -> None:
    long = hit("x" * (MAX_TEXT + 1), heading="y" * (MAX_HEADING + 1), score=0.5)
    request = rerank_request("q", [long, hit("b", score=0.25)], "req-1")
    assert [passage.share for passage in request.passages] == [1.0, 0.5]
    assert len(request.passages[0].text) == MAX_TEXT
    assert len(request.passages[0].heading) == MAX_HEADING


@pytest.mark.parametrize("scores", [(0.0, -0.2), (-0.1, -0.2)])
def test_should_tell_no_share_of_a_score_that_is_none(scores: tuple[float, float]) -> None:
    request = rerank_request("q", [hit("a", score=scores[0]), hit("b", score=scores[1])], "")
    assert [passage.share for passage in request.passages] == [0.0, 0.0]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-9, 9)), max_size=8))
def test_should_deal_the_same_scores_out_by_the_reranker_s_order(
    given_scores: list[tuple[float, float]],
) -> None:
    passages = [hit(str(at), score=score) for at, (score, _) in enumerate(given_scores)]
    found = apply_rerank_scores(passages, [score for _, score in given_scores])
    reranked = [passage.scores.rerank or 0.0 for passage in found]
    assert reranked == sorted(reranked, reverse=True)
    assert [passage.score for passage in found] == sorted(
        (passage.score for passage in passages), reverse=True
    )
    assert sorted(passage.text for passage in found) == sorted(p.text for p in passages)


def test_should_leave_ties_as_they_came() -> None:
    passages = [hit("a", score=0.5), hit("b", score=0.4)]
    assert [passage.text for passage in apply_rerank_scores(passages, [1.0, 1.0])] == ["a", "b"]
