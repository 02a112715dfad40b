from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.contracts.functions.embed_text import EmbedTextRequest, EmbedTextResult
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.embedder import MODEL, Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from functions.embed_text.core import Deps, run
from tests.unit.functions.afresh import answered_afresh

ROOT = Path(__file__).parents[4]
SAMPLE = ROOT / "functions" / "embed_text" / "event.json"


def deps(models_dir: Path) -> Deps:
    ticks = iter([1.0, 1.25])
    return Deps(
        lambda model: Embedder.open(models_dir, model or MODEL),
        lambda: WordEmbedder.open(models_dir),
        lambda: next(ticks),
    )


def test_it_returns_a_vector_a_text_and_what_that_took(models_dir: Path) -> None:
    request = EmbedTextRequest.model_validate_json(SAMPLE.read_text())
    result = run(request, deps(models_dir))
    assert [len(vector) for vector in result.vectors] == [384, 384]
    assert (result.model, result.tokens, result.seconds) == ("minilm-l6-v2-int8", 20, 0.25)


def test_a_text_too_long_is_an_error_that_names_it(models_dir: Path) -> None:
    with pytest.raises(InvalidInput, match="Text 0 has 402 tokens"):
        run(EmbedTextRequest(texts=("river " * 400,)), deps(models_dir))


def test_a_model_that_is_not_there_is_named(models_dir: Path) -> None:
    with pytest.raises(ModelFailure, match="'minilm-13' is no text embedding model"):
        run(EmbedTextRequest(texts=("river",), model="minilm-13"), deps(models_dir))


def test_texts_should_be_compared_with_a_question_word_by_word(models_dir: Path) -> None:
    question = "How heavy is the pump?"
    texts = ("The pump weighs 41 kg.", "Lunch is at noon in the hall.", "...")
    result = run(EmbedTextRequest(texts=texts, question=question), deps(models_dir))
    near, far, wordless = result.matches
    assert near.cosine > far.cosine
    heavy, pump = 1, 4
    assert near.words[pump] > 0.7 > far.words[pump]
    assert near.words[heavy] > far.words[heavy]
    assert [len(match.own) for match in result.matches] == [5, 7, 0]
    assert wordless.words == (0.0,) * 5
    vectors = run(EmbedTextRequest(texts=texts[:2]), deps(models_dir)).vectors
    assert result.vectors[0] == pytest.approx(vectors[0], abs=1e-5)


def test_only_the_default_model_should_compare_words(models_dir: Path) -> None:
    request = EmbedTextRequest(texts=("river",), question="Where?", model="minilm-l6-v2-fp32")
    with pytest.raises(InvalidInput, match="minilm-l6-v2-fp32 compares no words"):
        run(request, deps(models_dir))


def test_a_fresh_process_answers_the_sample_without_boto3(models_dir: Path) -> None:
    answer = answered_afresh("embed_text", models_dir)
    assert len(EmbedTextResult.model_validate(answer).vectors) == 2
