from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference import captioning, few_shot
from chalicelib.inference.captioning import Captioner
from chalicelib.inference.few_shot import FewShot
from chalicelib.inference.telling import Asked, Shown, Told
from chalicelib.inference.whole_words import MARKS as LEFT_OUT
from chalicelib.inference.whole_words import WholeWords
from tests.exported_models import exported, read
from tests.exported_tellers import MARKS, NUMBERS, WORDS, blip2, flamingo, tokenizer
from tests.exported_towers import picture
from tests.soak import often

RED, BLUE, GREEN = (picture(each) for each in ((255, 0, 0), (0, 0, 255), (0, 255, 0)))
BLACK, WHITE = picture((0, 0, 0)), picture((255, 255, 255))
CAPTIONER = captioning.opened(read(blip2()))
FLAMINGO = few_shot.opened(read(flamingo()))


@pytest.mark.parametrize(("seen", "colour"), [(RED, "red"), (BLUE, "blue"), (GREEN, "green")])
def test_a_captioner_should_caption_or_answer_what_is_asked(seen: bytes, colour: str) -> None:
    # One vector of the picture and the mark of the beginning are read, and three words before it.
    assert CAPTIONER.tell(Asked(seen)) == Told(f"a {colour}", "stop", 2, 2)
    asked = Asked(seen, "Which colour?")
    assert CAPTIONER.tell(asked) == Told(colour, "stop", 5, 1)


def test_what_does_not_end_should_be_cut_off_and_say_so() -> None:
    endless = captioning.opened(read(blip2(ends=False)))
    told = endless.tell(Asked(RED, most=3))
    assert (told.finish, told.tokens_out) == ("length", 3)
    filled = endless.tell(Asked(RED, "which colour ?", most=500))
    assert (filled.finish, filled.tokens_out) == ("length", 10 - 4)


def test_a_question_should_leave_room_for_an_answer() -> None:
    assert CAPTIONER.tell(Asked(RED, "which " * 8)).tokens_out == 1
    with pytest.raises(InvalidInput, match="question has 9 tokens, and tried takes 8") as refused:
        CAPTIONER.tell(Asked(RED, "which " * 9))
    assert (refused.value.field, refused.value.limit) == ("question", "8 tokens")


def test_words_that_are_not_known_should_be_named_with_those_that_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        CAPTIONER.tell(Asked(RED, "What colour is this?"))
    assert refused.value.message == (
        "question: this model does not know 'what', 'is', 'this'; it knows"
        f" {', '.join(sorted(WORDS))}."
    )


def test_a_captioner_should_look_at_no_examples() -> None:
    with pytest.raises(InvalidInput, match="looks at 1 picture") as refused:
        CAPTIONER.tell(Asked(RED, shots=(Shown(BLUE, "blue"),)))
    assert refused.value.limit == "1 picture"


def test_few_shots_should_say_what_is_asked() -> None:
    assert FLAMINGO.tell(Asked(RED)) == Told("red", "stop", 1 + 2, 1)
    told = FLAMINGO.tell(Asked(BLACK, shots=(Shown(WHITE, "Light"),)))
    assert told == Told("dark", "stop", 2 + 6, 1)
    both = (Shown(WHITE, "light"), Shown(BLACK, "dark"))
    assert FLAMINGO.tell(Asked(WHITE, shots=both)).text == "light"
    assert FLAMINGO.tell(Asked(BLUE, shots=(Shown(RED, "red"),))).text == "blue"


def test_more_shots_than_a_model_takes_should_be_refused_with_the_limit() -> None:
    with pytest.raises(InvalidInput, match=r"shown 2 pictures .* and 3 are given") as refused:
        FLAMINGO.tell(Asked(RED, shots=(Shown(BLUE, "blue"),) * 3))
    assert refused.value.limit == "2 pictures with answers"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Asked(RED, question="which colour ?"), "takes no words about a picture"),
        (Asked(RED, shots=(Shown(BLUE, "a blue"),)), "answer 1 is 'a blue', and has to be one"),
        (Asked(RED, shots=(Shown(BLUE, "blue"), Shown(RED, ""))), "answer 2 is ''"),
        (Asked(RED, shots=(Shown(BLUE, "is"),)), "answer 1: this model does not know 'is'"),
        (Asked(b"none"), "picture 1 is no picture"),
        (Asked(RED, shots=(Shown(b"", "red"),)), "picture 1 is no picture"),
    ],
)
def test_a_flamingo_should_say_what_it_does_not_take(asked: Asked, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        FLAMINGO.tell(asked)


def test_an_answer_that_is_no_word_should_not_be_given() -> None:
    numbers = {word: n for word, n in NUMBERS.items() if word != "red"}
    model = few_shot.opened(read(flamingo(tokenizer(numbers))))
    assert model.tell(Asked(BLUE)).text == "blue"
    with pytest.raises(ModelFailure, match="answered with a mark of its own"):
        model.tell(Asked(RED))


@given(st.text(max_size=60))
@settings(max_examples=often(200, 50), deadline=None)
def test_any_question_should_be_answered_or_refused(question: str) -> None:
    told: str | None
    try:
        told = CAPTIONER.tell(Asked(RED, question)).finish
    except InvalidInput as refused:
        told = refused.field
    assert told in {"stop", "length", "question"}


def test_the_function_for_answers_should_open_both_kinds() -> None:
    assert isinstance(few_shot.opened(read(blip2())), Captioner)
    assert isinstance(FLAMINGO, FewShot)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (blip2(vocabulary=3), r"logits of \(1, 17\), not of a vocabulary of 3"),
        (blip2(side=16), "failed"),
        (blip2(begin="<s>"), "has no number begin"),
        (flamingo(context=5), "too few for its own shots"),
        (flamingo(shots="two"), "has no number shots"),
        (exported({}, {}), "none of which tells something by the queries"),
    ],
)
def test_a_model_that_is_not_whole_should_not_open(files: Any, told: str) -> None:
    with pytest.raises(ModelFailure, match=told):
        few_shot.opened(read(files))


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
        WholeWords.of(read(exported({}, {}, {"tokenizer.json": content})))


def test_words_should_come_back_without_marks() -> None:
    words = WholeWords.of(read(exported({}, {}, {"tokenizer.json": tokenizer()})))
    assert words.text([3, *words.ids("a red", "text"), 1, 0, 99]) == "a red"
    assert frozenset(MARKS) == LEFT_OUT
