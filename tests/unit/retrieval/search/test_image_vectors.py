from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.picture_labels import Label, dump_labels, parse_label
from chalicelib.contracts.search import Hit
from chalicelib.errors import ModelFailure
from chalicelib.retrieval.search.image_vectors import (
    describe_image,
    embed_passages,
    image_vector,
    label_prompts,
)
from tests.unit.retrieval.fakes import hit

numbers = st.floats(-1, 1, allow_nan=False).map(lambda value: round(value, 3))
labels = st.builds(
    Label,
    name=st.text(min_size=1, max_size=40).filter(str.strip),
    share=st.integers(1, 10_000).map(lambda share: share / 10_000),
)


@dataclass
class Numbers:
    values: list[list[float]]

    def tolist(self) -> list[list[float]]:
        return self.values


@dataclass
class Passage:
    text: str
    labels: tuple[Label, ...] = ()


class Counting:
    """Embeds a text as its place among all that it was given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    max_tokens = 12

    def count_tokens(self, text: str) -> int:
        return len(text)

    def embed_counted(self, texts: Sequence[str]) -> tuple[Numbers, int]:
        self.texts += texts
        return Numbers([[float(n + 1), 1.0] for n in range(len(texts))]), 3 * len(texts)


@given(st.lists(st.tuples(labels, st.tuples(numbers, numbers, numbers)), min_size=1, max_size=10))
def test_a_picture_s_vector_has_length_1_and_lies_among_those_of_its_labels(
    given: list[tuple[Label, tuple[float, float, float]]],
) -> None:
    seen = [label for label, _ in given]
    vectors = [vector for _, vector in given]
    sums = [sum(label.share * vector[n] for label, vector in given) for n in range(3)]
    if math.hypot(*sums) < 1e-6:
        return
    found = image_vector(seen, vectors)
    assert math.hypot(*found) == pytest.approx(1)
    assert [value * math.hypot(*sums) for value in found] == pytest.approx(sums, abs=1e-6)


def test_vectors_that_cancel_each_other_out_are_a_failure() -> None:
    seen = [Label(name="up", share=0.5), Label(name="down", share=0.5)]
    with pytest.raises(ModelFailure, match="no vector"):
        image_vector(seen, [[1.0, 0.0], [-1.0, 0.0]])


def test_texts_and_pictures_are_embedded_in_one_go_and_in_their_order() -> None:
    seen = (Label(name="cat", share=0.6), Label(name="lynx", share=0.2))
    embedder = Counting()
    passages = [Passage("one"), Passage("Picture a.png: cat", seen), Passage("two")]
    vectors, tokens = embed_passages(embedder, passages, ["a heading", "a", ""])
    assert embedder.texts == ["a\none", "a photo of a cat", "a photo of a lynx", "two"]
    assert tokens == 12
    assert (vectors[0], vectors[2]) == ([1.0, 1.0], [4.0, 1.0])
    assert vectors[1] == pytest.approx([1.8 / math.hypot(1.8, 0.8), 0.8 / math.hypot(1.8, 0.8)])


def test_a_picture_in_words_says_its_file_and_what_is_likely() -> None:
    seen = [Label(name="tabby", share=0.6), Label(name="lynx", share=0.05)]
    doubted = [*seen, Label(name="sock", share=0.04)]
    assert describe_image("2025/pets/chelsea.png", doubted) == "Picture chelsea.png: tabby; lynx"
    assert describe_image("a.gif", [Label(name="sock", share=0.02)]) == "Picture a.gif: sock"
    assert len(describe_image("x" * 500 + ".png", seen)) < 200


@given(st.lists(labels, max_size=10))
def test_an_index_gives_back_the_labels_that_it_was_given(given: list[Label]) -> None:
    kept = dump_labels(given)
    assert [parse_label(each) for each in kept] == given
    found = hit("Picture", labels=kept)
    assert found.labels == tuple(given)
    assert Hit.model_validate_json(found.model_dump_json()) == found


def test_a_prompt_is_the_one_that_was_measured() -> None:
    assert label_prompts([Label(name="tabby, tabby cat", share=1)]) == [
        "a photo of a tabby, tabby cat"
    ]
