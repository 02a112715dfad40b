from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from chalicelib.contracts.functions.rerank_passages import (
    MAX_PASSAGES,
    RerankPassage,
    RerankRequest,
    RerankResult,
)
from chalicelib.errors import ModelFailure
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.retrieval.search.reranker import FEATURES, MAX_RERANKED, parse_head
from functions.rerank_passages.core import Deps, run
from functions.rerank_passages.handler import HEAD
from tests.unit.functions.afresh import answered_afresh

ROOT = Path(__file__).parents[4]
SAMPLE = ROOT / "functions" / "rerank_passages" / "event.json"
STRAW = "Straw is stacked behind the mill, and the miller keeps a dog."
WHEEL = "The wheel of the mill was replaced by a turbine from Linz."


def deps(models_dir: Path) -> Deps:
    ticks = iter([1.0, 1.25])
    return Deps(WordEmbedder.open(models_dir), parse_head(HEAD.read_text()), lambda: next(ticks))


def rerank(models_dir: Path, query: str, *texts: str) -> RerankResult:
    passages = tuple(RerankPassage(text=text, share=1.0) for text in texts)
    return run(RerankRequest(query=query, passages=passages), deps(models_dir))


def test_it_scores_each_passage_and_says_what_that_took(models_dir: Path) -> None:
    request = RerankRequest.model_validate_json(SAMPLE.read_text())
    result = run(request, deps(models_dir))
    other, answer = result.scores
    assert answer > other
    assert (result.model, result.seconds) == ("minilm-l6-v2-int8", 0.25)
    assert 40 < result.tokens < 80


def test_a_passage_has_the_same_score_wherever_it_stands(models_dir: Path) -> None:
    there = rerank(models_dir, "Where is the turbine from?", STRAW, WHEEL).scores
    back = rerank(models_dir, "Where is the turbine from?", WHEEL, STRAW).scores
    assert there == pytest.approx(back[::-1])
    assert there[1] > there[0]


def test_a_heading_that_the_query_names_lifts_a_passage(models_dir: Path) -> None:
    bare = RerankPassage(text=WHEEL, share=1.0)
    headed = RerankPassage(text=WHEEL, heading="Turbine", share=1.0)
    request = RerankRequest(query="the turbine", passages=(bare, headed))
    scores = run(request, deps(models_dir)).scores
    assert scores[1] > scores[0]


def test_it_takes_texts_that_say_nothing_and_those_beyond_the_model(models_dir: Path) -> None:
    result = rerank(models_dir, "?!", "***", "river " * 1_000)
    assert len(result.scores) == 2
    assert result.tokens < 300


def test_a_model_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="headrace models pull"):
        WordEmbedder.open(tmp_path)


def test_a_request_beyond_the_limits_names_the_field() -> None:
    passage = RerankPassage(text="a", share=1.0)
    with pytest.raises(ValidationError, match="passages"):
        RerankRequest(query="a", passages=(passage,) * (MAX_PASSAGES + 1))
    with pytest.raises(ValidationError, match="passages"):
        RerankRequest(query="a", passages=())
    with pytest.raises(ValidationError, match="share"):
        RerankPassage(text="a", share=1.1)
    with pytest.raises(ValidationError, match="unicode"):
        RerankPassage(text="\ud800", share=1.0)


def test_the_committed_head_is_small_and_says_what_it_was_learned_on() -> None:
    told = json.loads(HEAD.read_text())
    assert tuple(told["weights"]) == FEATURES
    assert set(told["data"]) == {"foldoc", "wordnet"}
    assert told["learned_on"]
    assert "GFDL" in told["licences"]
    assert HEAD.stat().st_size < 2_000
    assert MAX_RERANKED <= MAX_PASSAGES


def test_a_fresh_process_answers_the_sample_without_boto3(models_dir: Path) -> None:
    answer = answered_afresh("rerank_passages", models_dir)
    assert len(RerankResult.model_validate(answer).scores) == 2
