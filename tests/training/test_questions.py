"""A channel of pictures with what can be asked of them: what is written, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.data import questions
from models.data.questions import PictureDescription, QuestionSplit
from models.data.words import END, IMAGE, SPECIAL, UNKNOWN, WholeWordTokenizer
from models.datasets import shape_questions
from models.failures import BadData
from models.networks.question_rows import answer_tokens, question_rows, recombine_answers

Change = Callable[[Path], None]


def described(colour: str) -> PictureDescription:
    return PictureDescription(
        caption=f"a {colour} thing", answers={"colour": colour, "size": "small"}
    )


def few() -> QuestionSplit:
    return QuestionSplit(
        np.zeros((3, 8, 8, 3), np.uint8), [described(each) for each in ("red", "blue", "red")]
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    questions.write(tmp_path, few(), few())
    return tmp_path


def test_should_read_what_was_written(folder: Path) -> None:
    found = questions.read(folder)
    assert found.attributes == ("colour", "size")
    assert found.values("colour") == ("blue", "red")
    assert [each.caption for each in found.test.described][1] == "a blue thing"
    assert found.train.scaled().shape == (3, 3, 8, 8)


def test_should_draw_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        shape_questions.prepare(tmp_path / name, 12, 6)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    found = questions.read(tmp_path / "one")
    assert (len(found.train.pictures), len(found.test.pictures)) == (12, 6)


def change_line(folder: Path, line: int, change: Callable[[dict[str, object]], object]) -> None:
    path = folder / "answers-train.jsonl"
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    change(lines[line])
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))


def shorter(folder: Path) -> None:
    path = folder / "answers-test.jsonl"
    path.write_text(path.read_text().splitlines()[0])


def cut(folder: Path) -> None:
    path = folder / "pictures.npz"
    path.write_bytes(path.read_bytes()[:100])


def unlike(folder: Path) -> None:
    grey = np.zeros((3, 16, 16, 3), np.uint8)
    np.savez(folder / "pictures.npz", train=np.zeros((3, 8, 8, 3), np.uint8), test=grey)


def floats(folder: Path) -> None:
    np.savez(folder / "pictures.npz", train=np.zeros((3, 8, 8, 3)), test=np.zeros((3, 8, 8, 3)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda at: (at / "pictures.npz").unlink(), "pictures.npz is no whole NPZ file"),
        (cut, "pictures.npz is no whole NPZ file"),
        (floats, "train is float64"),
        (unlike, "test of \\(16, 16, 3\\); make them alike"),
        (shorter, "answers-test.jsonl has 1 rows for 3 pictures"),
        (
            lambda at: change_line(at, 1, lambda row: row.update(caption="A Thing")),
            "line 2: caption",
        ),
        (
            lambda at: change_line(at, 2, lambda row: row.update(answers={"colour": "light red"})),
            "line 3: answers.colour",
        ),
        (
            lambda at: change_line(at, 2, lambda row: row.update(answers={"colour": "red"})),
            "row 3: answers has colour, and the first picture has colour, size",
        ),
        (lambda at: change_line(at, 0, lambda row: row.pop("answers")), "line 1: answers"),
    ],
)
def test_should_refuse_a_broken_channel_and_say_where(
    folder: Path, change: Change, told: str
) -> None:
    change(folder)
    with pytest.raises(BadData, match=told):
        questions.read(folder)


def test_should_refuse_what_the_recipe_is_not_set_to(folder: Path) -> None:
    found = questions.read(folder)
    with pytest.raises(BadData, match="8 x 8 x 3, and the recipe is set to side 32"):
        found.require(32)
    with pytest.raises(BadData, match="no shape; they have colour, size"):
        found.require_attributes(["colour", "shape"])
    with pytest.raises(BadData, match="set vocabulary to 17 or more"):
        WholeWordTokenizer.of(found, 12)


@given(st.text())
def test_should_take_any_text_for_words(text: str) -> None:
    words = WholeWordTokenizer(["a red thing", "is the image ;"])
    ids = words.ids(text)
    assert all(0 <= token < words.size for token in ids)
    assert set(words.text(ids).split()) <= {"a", "red", "thing", "the", "image"}


def test_marks_should_have_tokens_of_their_own() -> None:
    words = WholeWordTokenizer(["a red thing"])
    assert words.ids(" ".join(SPECIAL)) == list(range(len(SPECIAL)))
    assert words.ids("a <image> blue </s>") == [len(SPECIAL), IMAGE, UNKNOWN, END]
    assert words.text([*words.ids("red thing"), END, *words.ids("a")]) == "red thing"


def test_other_words_should_have_another_fingerprint() -> None:
    one, same, other = (WholeWordTokenizer(texts) for texts in (["a b"], ["b", "a"], ["a c"]))
    assert (one.fingerprint() == same.fingerprint()).all()
    assert (one.fingerprint() != other.fingerprint()).any()


def rows_of(
    pairs: Sequence[tuple[str, str]],
) -> tuple[WholeWordTokenizer, torch.Tensor, torch.Tensor]:
    """Return the words, answers and questions of things with these colours and shapes."""
    told = [
        PictureDescription(
            caption=f"a {colour} {shape}", answers={"colour": colour, "shape": shape}
        )
        for colour, shape in pairs
    ]
    part, attributes = (
        QuestionSplit(np.zeros((len(told), 8, 8, 3), np.uint8), told),
        ("colour", "shape"),
    )
    words = WholeWordTokenizer.of(questions.Questions(part, part, attributes), 32)
    return words, answer_tokens(words, part, attributes), question_rows(words, part, attributes)


@given(st.integers(0, 2**32))
def test_recombined_rows_should_say_of_each_what_they_answer(seed: int) -> None:
    colours, shapes = ("red", "blue", "green"), ("star", "circle")
    pairs = [("red", "star"), ("blue", "star"), ("green", "circle")] * 8
    words, told, rows = rows_of(pairs)
    torch.manual_seed(seed)
    found, changed = recombine_answers(told, rows)
    said = [words.text(each) for each in found.tolist()]
    assert set(" ".join(said).split()) <= {*colours, *shapes}
    for text, (caption, colour, shape) in zip(said, changed.tolist(), strict=True):
        assert words.text(caption) == f"a {text}"
        assert words.text(colour) == f"which colour ? {text.split()[0]}"
        assert words.text(shape) == f"which shape ? {text.split()[1]}"
    assert torch.equal((changed == 0), (rows == 0))


def test_recombined_rows_should_have_pairs_that_no_picture_has() -> None:
    pairs = [("red", "star"), ("blue", "circle")] * 16
    words, told, rows = rows_of(pairs)
    torch.manual_seed(0)
    found, _ = recombine_answers(told, rows)
    said = {words.text(each) for each in found.tolist()}
    assert said == {"red star", "red circle", "blue star", "blue circle"}
