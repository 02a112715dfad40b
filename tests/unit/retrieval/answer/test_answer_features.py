from __future__ import annotations

import json
import math
from typing import Any

import pytest

from chalicelib.contracts.functions.embed_text import TextMatch
from chalicelib.contracts.search import Hit, Scores, TextScore, VectorScore
from chalicelib.retrieval.answer.answer_features import ANSWER_FEATURES, answer_features
from chalicelib.retrieval.answer.candidate_head import (
    HEAD,
    candidate_head,
    parse_candidate_head,
)
from chalicelib.retrieval.answer.candidates import (
    CANDIDATE_FEATURES,
    best_candidates,
    find_candidates,
)
from chalicelib.retrieval.answer.evidence import text_to_embed
from tests.unit.retrieval.fakes import hit, match_of

QUESTION = "How much does the oak pump weigh?"


def scored(text: str, score: float, **fields: Any) -> Hit:
    scores = Scores(vector=VectorScore(similarity=score), text=TextScore(bm25=10 * score))
    return hit(text, score=score, scores=scores, **fields)


PASSAGES = [
    scored("The oak pump weighs 41 kg. Swallows nest above the door.", 0.8, path="oak-pump.md"),
    scored("| Gate | Weight |\n| - | - |\n| Oak | 90 kg |", 0.4, document_id="doc_b"),
]


def named(names: tuple[str, ...], values: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(names, values, strict=True))


def test_a_candidate_should_say_what_words_and_search_tell_of_it() -> None:
    weight, birds, row = (
        named(CANDIDATE_FEATURES, each.features) for each in find_candidates(QUESTION, PASSAGES)
    )
    assert weight["own coverage"] == weight["whole coverage"] == 1.0
    assert birds["own coverage"] < birds["coverage nearby"] == birds["passage coverage"] == 1.0
    assert (weight["new numbers"], birds["new numbers"]) == (1.0, 0.0)
    assert (weight["share"], row["share"], row["rank"]) == pytest.approx((1.0, 0.5, math.log(2)))
    assert (weight["bm25"], row["bm25"], row["similarity"]) == (1.0, 0.5, 0.4)
    assert (weight["document share"], row["document share"]) == pytest.approx((2 / 3, 1 / 3))
    assert (row["row"], row["context"], weight["row"]) == (1.0, 1.0, 0.0)


def test_the_best_candidates_should_be_chosen_by_weight() -> None:
    candidates = find_candidates(QUESTION, PASSAGES)
    by_similarity = tuple(float(name == "similarity") for name in CANDIDATE_FEATURES)
    by_row = tuple(float(name == "row") for name in CANDIDATE_FEATURES)
    assert best_candidates(candidates, by_similarity, 1)[0].source.text.startswith("The oak pump")
    assert best_candidates(candidates, by_row, 1)[0].source.text == "| Oak | 90 kg |"


def test_words_that_find_nothing_near_should_show_in_candidate_passage_and_document() -> None:
    candidates = find_candidates(QUESTION, PASSAGES)
    texts = [text_to_embed(each.source) for each in candidates]
    matches = [match_of(QUESTION, text) for text in texts]
    weight, birds, row = (
        named(ANSWER_FEATURES, each)
        for each in answer_features(QUESTION, candidates, texts, matches)
    )
    assert weight["least word"] == weight["passage least words"] == 1.0
    assert birds["least word"] < birds["passage least words"] == 1.0
    assert row["document least words"] < 1.0
    assert weight["words by rarity"] > birds["words by rarity"]
    assert weight["behind best words"] == 0.0 > row["behind best words"]
    assert (weight["number unmet"], birds["number unmet"]) == (1.0, 0.0)


def test_a_word_of_the_path_should_count_as_near() -> None:
    question, passage = "How heavy is the oak pump?", hit("It weighs 41 kg.", path="oak-pump.md")
    (candidate,) = find_candidates(question, [passage])
    blank = TextMatch(cosine=0.0, words=(0.0,) * 6, own=(0.0,) * 4)
    (features,) = answer_features(question, [candidate], ["It weighs 41 kg."], [blank])
    assert named(ANSWER_FEATURES, features)["words by rarity"] > 0.4


def test_without_candidates_there_should_be_no_features() -> None:
    assert find_candidates(QUESTION, []) == []
    assert answer_features(QUESTION, [], [], []) == []
    assert candidate_head().scores([]) == []


def test_a_head_of_other_features_should_be_refused() -> None:
    document = json.loads(HEAD.read_text("utf-8"))
    del document["weights"]["cosine"]
    with pytest.raises(ValueError, match="The head has weights for"):
        parse_candidate_head(json.dumps(document))


def test_what_holds_the_words_of_the_question_should_be_scored_above_what_does_not() -> None:
    candidates = find_candidates(QUESTION, PASSAGES)
    texts = [text_to_embed(each.source) for each in candidates]
    matches = [match_of(QUESTION, text) for text in texts]
    scores = candidate_head().scores(answer_features(QUESTION, candidates, texts, matches))
    assert scores.index(max(scores)) == 0
