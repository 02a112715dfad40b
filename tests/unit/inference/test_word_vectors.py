"""Vectors of words in context."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.inference.embedder import Embedder
from chalicelib.inference.word_vectors import WordEmbedder


def test_revealing_the_words_leaves_the_text_s_own_vector_as_it_is(models_dir: Path) -> None:
    text = "The headrace feeds the wheel."
    read = WordEmbedder.open(models_dir).read(text, [(4, 12), (13, 18)])
    (vector,) = Embedder.open(models_dir).embed([text])
    assert read.whole.tolist() == vector.tolist()
    assert read.words.shape == (2, 384)
    assert read.likeness(read)[0][0] == pytest.approx(1.0)


def test_words_beyond_the_model_s_length_are_like_nothing(models_dir: Path) -> None:
    text = "river " * 300
    spans = [(at * 6, at * 6 + 5) for at in range(300)]
    read = WordEmbedder.open(models_dir).read(text, spans)
    likeness = read.likeness(read)
    assert likeness[0][0] == pytest.approx(1.0)
    assert likeness[299] == [0.0] * 300
