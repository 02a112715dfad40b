from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.generation.catalogue import catalogue
from chalicelib.inference.embedder import MAX_TOKENS, MODELS, Embedder

PUBLISHED = ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")


@pytest.fixture(scope="module")
def embedder(models_dir: Path) -> Embedder:
    return Embedder.open(models_dir)


def test_int8_stays_close_to_the_published_cosines(embedder: Embedder) -> None:
    # https://sbert.net, "Quick start": .6660, .1046 and .1411 in fp32
    a, b, c = embedder.embed(PUBLISHED)
    assert [a @ b, a @ c, b @ c] == pytest.approx([0.6660, 0.1046, 0.1411], abs=0.015)


def test_vectors_have_unit_length(embedder: Embedder) -> None:
    lengths = np.linalg.norm(embedder.embed([*PUBLISHED, "x", "word " * 200]), axis=1)
    assert lengths == pytest.approx(1, abs=1e-6)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    texts=st.lists(st.text("abc xyz.é中", min_size=1, max_size=80).filter(str.strip), max_size=5)
)
def test_a_text_has_the_same_vector_alone_and_in_any_company(
    embedder: Embedder, texts: list[str]
) -> None:
    together = embedder.embed([*texts, *PUBLISHED, *texts])
    for place, text in enumerate(texts):
        alone = embedder.embed([text])[0]
        assert alone.tobytes() == together[place].tobytes()
        assert alone.tobytes() == together[len(texts) + len(PUBLISHED) + place].tobytes()


def test_a_text_too_long_is_refused_with_its_count(embedder: Embedder) -> None:
    text = "river " * 300
    with pytest.raises(InvalidInput, match="Text 1 has 302 tokens; the model takes 256") as caught:
        embedder.embed(["short", text])
    assert (caught.value.field, caught.value.limit) == ("texts[1]", "256 tokens")


def test_a_text_is_cut_only_when_told_so(embedder: Embedder) -> None:
    cut = embedder.embed(["river " * 300], truncate=True)
    fits = embedder.embed(["river " * (MAX_TOKENS - 2)])
    assert cut.tobytes() == fits.tobytes()


def test_an_empty_text_is_refused(embedder: Embedder) -> None:
    with pytest.raises(InvalidInput, match="Text 0 has nothing to embed"):
        embedder.embed(["  "])


def test_half_a_surrogate_pair_is_refused(embedder: Embedder) -> None:
    with pytest.raises(InvalidInput, match="text: character 1 "):
        embedder.embed(["a\ud800"])


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 384)


def test_tokens_are_counted_as_the_limit_counts_them(embedder: Embedder) -> None:
    assert embedder.count_tokens("one two three") == 5
    assert embedder.count_tokens("word " * 1000) == 1002


def test_spans_cut_a_text_where_its_tokens_end(embedder: Embedder) -> None:
    text = "Naïve cafés, 東京!"
    spans = embedder.tokens.spans(text)
    pieces = [text[start:end] for start, end in spans]
    assert "".join(pieces) == text.replace(" ", "")
    assert len(spans) + 2 == embedder.count_tokens(text)


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="headrace models pull"):
        Embedder.open(tmp_path)


def test_what_is_known_of_each_model_is_what_the_catalogue_says() -> None:
    listed = [model for model in catalogue().models.values() if model.task == "text-embedding"]
    assert {model.name for model in listed} == set(MODELS)
    for model in listed:
        facts = MODELS[model.name]
        assert (facts.dimensions, facts.max_tokens) == (
            model.dimensions,
            model.limits["max_tokens"],
        )


def test_a_model_of_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelFailure, match="there are minilm-l6-v2-fp32, minilm-l6-v2-int8, mpnet-base-v2-int8"
    ):
        Embedder.open(tmp_path, "bert")
