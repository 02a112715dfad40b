from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.vocabulary import PromptVocabulary

WORDS = PromptVocabulary({"a": 1, "handwritten": 2, "three": 3, "seven": 4})


def test_should_number_the_words_of_a_prompt() -> None:
    assert WORDS.tokens("A handwritten  THREE.", 5).tolist() == [1, 2, 3, 0, 0]
    assert WORDS.tokens("  ", 3).tolist() == [0, 0, 0]


def test_should_name_the_words_that_are_not_known() -> None:
    with pytest.raises(
        InvalidInput, match=r"does not know 'cat', 'on'; .* a, handwritten, three"
    ) as no:
        WORDS.tokens("a cat on a cat", 8, "negative_prompt")
    assert no.value.field == "negative_prompt"


def test_should_name_how_many_words_it_reads() -> None:
    with pytest.raises(InvalidInput, match="has 3 words, and the model reads 2") as refused:
        WORDS.tokens("a a a", 2)
    assert refused.value.limit == "2"


def test_should_be_read_as_it_was_written() -> None:
    assert PromptVocabulary.of(WORDS.content()) == WORDS


@pytest.mark.parametrize(
    "content",
    [b"", b"[1]", b'{"a": 0}', b'{"a": 1, "b": 1}', b'{"a": true}', b'{"a": "1"}', b"\xff"],
)
def test_should_refuse_a_file_that_is_none(content: bytes) -> None:
    with pytest.raises(ModelFailure, match=r"vocabulary\.json"):
        PromptVocabulary.of(content)


@given(prompt=st.text("athrewndsv .,-É一\n", max_size=60))
def test_any_text_of_known_words_should_be_numbered(prompt: str) -> None:
    known = " ".join(word for word in prompt.lower().split() if word in WORDS.numbers)
    found = WORDS.tokens(known, 60)
    assert np.count_nonzero(found) == len(known.split())


@given(prompt=st.text(max_size=60).filter(lambda text: any(letter.isdigit() for letter in text)))
def test_any_other_text_should_be_refused(prompt: str) -> None:
    with pytest.raises(InvalidInput):
        WORDS.tokens(prompt, 60)


def test_a_large_vocabulary_should_be_told_in_part_with_how_many_more_there_are() -> None:
    words = PromptVocabulary({f"w{n}": n for n in range(1, 501)})
    with pytest.raises(InvalidInput) as refused:
        words.tokens(" ".join(f"x{n}" for n in range(30)), 64)
    told, known = refused.value.message.split("; the words that it knows are ")
    assert told.endswith("'x18', 'x19' and 10 more")
    assert known.startswith("w1, w2, ")
    assert known.endswith(", w20 and 480 more.")


def test_a_vocabulary_of_twenty_should_be_told_whole() -> None:
    words = PromptVocabulary({f"w{n}": n for n in range(1, 21)})
    with pytest.raises(InvalidInput, match=r"are w1, .*, w19, w20\.$"):
        words.tokens("cat", 4)
