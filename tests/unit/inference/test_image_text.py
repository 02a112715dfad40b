from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference import blip2, flamingo
from chalicelib.inference.blip2 import Blip2Model
from chalicelib.inference.flamingo import FlamingoModel
from chalicelib.inference.image_text import ImageAnswer, ImageExample, ImageQuestion
from chalicelib.inference.tokenizers import MARKS as LEFT_OUT
from chalicelib.inference.tokenizers import WordTokenizer
from tests.exported_clip import image_file
from tests.exported_image_text import (
    MARKS,
    NUMBERS,
    WORDS,
    blip2_files,
    flamingo_files,
    tokenizer_file,
)
from tests.exported_models import exported, read
from tests.soak import often

RED, BLUE, GREEN = (image_file(each) for each in ((255, 0, 0), (0, 0, 255), (0, 255, 0)))
BLACK, WHITE = image_file((0, 0, 0)), image_file((255, 255, 255))
CAPTIONER = blip2.open_model(read(blip2_files()))
FLAMINGO = flamingo.open_image_text_model(read(flamingo_files()))


@pytest.mark.parametrize(("seen", "colour"), [(RED, "red"), (BLUE, "blue"), (GREEN, "green")])
def test_a_captioner_should_caption_or_answer_what_is_asked(seen: bytes, colour: str) -> None:
    # One vector of the picture and the mark of the beginning are read, and three words before it.
    assert CAPTIONER.answer(ImageQuestion(seen)) == ImageAnswer(f"a {colour}", "stop", 2, 2)
    asked = ImageQuestion(seen, "Which colour?")
    assert CAPTIONER.answer(asked) == ImageAnswer(colour, "stop", 5, 1)


def test_what_does_not_end_should_be_cut_off_and_say_so() -> None:
    endless = blip2.open_model(read(blip2_files(ends=False)))
    told = endless.answer(ImageQuestion(RED, max_tokens=3))
    assert (told.finish, told.tokens_out) == ("length", 3)
    filled = endless.answer(ImageQuestion(RED, "which colour ?", max_tokens=500))
    assert (filled.finish, filled.tokens_out) == ("length", 10 - 4)


def test_a_question_should_leave_room_for_an_answer() -> None:
    assert CAPTIONER.answer(ImageQuestion(RED, "which " * 8)).tokens_out == 1
    with pytest.raises(InvalidInput, match="question has 9 tokens, and tried takes 8") as refused:
        CAPTIONER.answer(ImageQuestion(RED, "which " * 9))
    assert (refused.value.field, refused.value.limit) == ("question", "8 tokens")


def test_words_that_are_not_known_should_be_named_with_those_that_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        CAPTIONER.answer(ImageQuestion(RED, "What colour is this?"))
    assert refused.value.message == (
        "question: this model does not know 'what', 'is', 'this'; it knows"
        f" {', '.join(sorted(WORDS))}."
    )


def test_a_captioner_should_look_at_no_examples() -> None:
    with pytest.raises(InvalidInput, match="looks at 1 picture") as refused:
        CAPTIONER.answer(ImageQuestion(RED, examples=(ImageExample(BLUE, "blue"),)))
    assert refused.value.limit == "1 picture"


def test_few_shots_should_say_what_is_asked() -> None:
    assert FLAMINGO.answer(ImageQuestion(RED)) == ImageAnswer("red", "stop", 1 + 2, 1)
    told = FLAMINGO.answer(ImageQuestion(BLACK, examples=(ImageExample(WHITE, "Light"),)))
    assert told == ImageAnswer("dark", "stop", 2 + 6, 1)
    both = (ImageExample(WHITE, "light"), ImageExample(BLACK, "dark"))
    assert FLAMINGO.answer(ImageQuestion(WHITE, examples=both)).text == "light"
    assert FLAMINGO.answer(ImageQuestion(BLUE, examples=(ImageExample(RED, "red"),))).text == "blue"


def test_more_shots_than_a_model_takes_should_be_refused_with_the_limit() -> None:
    with pytest.raises(InvalidInput, match=r"shown 2 pictures .* and 3 are given") as refused:
        FLAMINGO.answer(ImageQuestion(RED, examples=(ImageExample(BLUE, "blue"),) * 3))
    assert refused.value.limit == "2 pictures with answers"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (ImageQuestion(RED, question="which colour ?"), "takes no words about a picture"),
        (
            ImageQuestion(RED, examples=(ImageExample(BLUE, "a blue"),)),
            "answer 1 is 'a blue', and has to be one",
        ),
        (
            ImageQuestion(RED, examples=(ImageExample(BLUE, "blue"), ImageExample(RED, ""))),
            "answer 2 is ''",
        ),
        (
            ImageQuestion(RED, examples=(ImageExample(BLUE, "is"),)),
            "answer 1: this model does not know 'is'",
        ),
        (ImageQuestion(b"none"), "picture 1 is no picture"),
        (ImageQuestion(RED, examples=(ImageExample(b"", "red"),)), "picture 1 is no picture"),
    ],
)
def test_a_flamingo_should_say_what_it_does_not_take(asked: ImageQuestion, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        FLAMINGO.answer(asked)


def test_an_answer_that_is_no_word_should_not_be_given() -> None:
    numbers = {word: n for word, n in NUMBERS.items() if word != "red"}
    model = flamingo.open_image_text_model(read(flamingo_files(tokenizer_file(numbers))))
    assert model.answer(ImageQuestion(BLUE)).text == "blue"
    with pytest.raises(ModelFailure, match="answered with a mark of its own"):
        model.answer(ImageQuestion(RED))


@given(st.text(max_size=60))
@settings(max_examples=often(200, 50), deadline=None)
def test_any_question_should_be_answered_or_refused(question: str) -> None:
    told: str | None
    try:
        told = CAPTIONER.answer(ImageQuestion(RED, question)).finish
    except InvalidInput as refused:
        told = refused.field
    assert told in {"stop", "length", "question"}


def test_the_function_for_answers_should_open_both_kinds() -> None:
    assert isinstance(flamingo.open_image_text_model(read(blip2_files())), Blip2Model)
    assert isinstance(FLAMINGO, FlamingoModel)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (blip2_files(vocabulary=3), r"logits of \(1, 17\), not of a vocabulary of 3"),
        (blip2_files(side=16), "failed"),
        (blip2_files(begin="<s>"), "has no number begin"),
        (flamingo_files(context=5), "too few for its own shots"),
        (flamingo_files(shots="two"), "has no number shots"),
        (exported({}, {}), "none of which tells something by the queries"),
    ],
)
def test_a_model_that_is_not_whole_should_not_open(files: Any, told: str) -> None:
    with pytest.raises(ModelFailure, match=told):
        flamingo.open_image_text_model(read(files))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "is no tokenizer"),
        (b"[]", "is no tokenizer"),
        (b'{"model": {"type": "WordLevel", "vocab": {"a": "b"}}}', "is no tokenizer"),
        (b'{"model": {"type": "BPE", "vocab": {"a": 1}}}', "is of BPE; whole words"),
    ],
)
def test_a_tokenizer_of_another_kind_should_be_told(content: bytes, told: str) -> None:
    with pytest.raises(ModelFailure, match=told):
        WordTokenizer.of(read(exported({}, {}, {"tokenizer.json": content})))


def test_words_should_come_back_without_marks() -> None:
    words = WordTokenizer.of(read(exported({}, {}, {"tokenizer.json": tokenizer_file()})))
    assert words.text([3, *words.ids("a red", "text"), 1, 0, 99]) == "a red"
    assert frozenset(MARKS) == LEFT_OUT
