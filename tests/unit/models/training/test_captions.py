"""Captioned pictures as a channel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from chalicelib.inference.vocabulary import PromptVocabulary
from models.data import captions, images
from models.data.captions import CaptionedImages
from models.data.images import Images, Split
from models.failures import BadData

SAID = (("a bold three", "three"), ("a seven",))


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    pictures = Split(np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]))
    words = PromptVocabulary({"a": 1, "bold": 2, "three": 3, "seven": 4})
    made = CaptionedImages(
        Images(pictures, pictures, ("three", "seven")), {"train": SAID, "test": SAID}, words
    )
    captions.write(tmp_path, made)
    return tmp_path


def change(channel: Path, at: int, **fields: object) -> None:
    path = channel / captions.FILE
    lines = path.read_text().splitlines()
    lines[at] = json.dumps(json.loads(lines[at]) | fields)
    path.write_text("\n".join(lines))


def test_should_read_what_it_wrote(channel: Path) -> None:
    found = captions.read(channel)
    assert found.captions == {"train": list(SAID), "test": list(SAID)}
    assert found.vocabulary.numbers["seven"] == 4
    tokens, counts = found.tokens("train", 3)
    assert counts.tolist() == [2, 1]
    assert tokens.tolist() == [[[1, 2, 3], [3, 0, 0]], [[1, 4, 0], [0, 0, 0]]]


def test_the_same_channel_should_make_the_same_bytes(channel: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    captions.write(again, captions.read(channel))
    for path in again.iterdir():
        assert path.read_bytes() == (channel / path.name).read_bytes()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"captions": []}, r"line 2: captions: Tuple should have at least 1 item"),
        ({"row": -1}, r"line 2: row: Input should be greater than or equal to 0"),
        ({"part": "dev"}, r"line 2: part: Input should be 'train' or 'test'"),
        ({"row": 2}, r"train has 2 pictures, and captions of row 2"),
        ({"row": 0}, r"train, row 0 has captions twice"),
        ({"part": "test"}, r"test, row 1 has captions twice|train lacks captions of 1 of 2"),
    ],
)
def test_should_name_the_row_that_is_broken(
    channel: Path, fields: dict[str, object], told: str
) -> None:
    change(channel, 1, **fields)
    with pytest.raises(BadData, match=told):
        captions.read(channel)


def test_should_name_the_picture_that_has_no_captions(channel: Path) -> None:
    path = channel / captions.FILE
    path.write_text("\n".join(path.read_text().splitlines()[:3]))
    with pytest.raises(BadData, match="test lacks captions of 1 of 2 pictures; the first is row 1"):
        captions.read(channel)


@pytest.mark.parametrize(
    ("said", "told"), [("a green three", "does not know 'green'"), ("a a a a", "has 4 words")]
)
def test_should_name_the_row_whose_words_do_not_fit(channel: Path, said: str, told: str) -> None:
    change(channel, 3, captions=[said])
    found = captions.read(channel)
    with pytest.raises(BadData, match=rf"captions\.jsonl, test, row 1: caption: .*{told}"):
        found.tokens("test", 3)


def test_should_hold_words_and_pictures_to_a_recipe(channel: Path) -> None:
    found = captions.read(channel)
    found.require(4, 1, 4)
    with pytest.raises(BadData, match="has 4 words, and the recipe is set to words 17"):
        found.require(4, 1, 17)
    with pytest.raises(BadData, match="4 x 4 x 1, and the recipe is set to side 8"):
        found.require(8, 1, 4)


def test_should_tell_of_a_broken_vocabulary_and_of_missing_pictures(channel: Path) -> None:
    (channel / "vocabulary.json").write_text('{"a": 7}')
    with pytest.raises(BadData, match=r"vocabulary\.json cannot be read"):
        captions.read(channel)
    (channel / images.FILE).unlink()
    with pytest.raises(BadData, match=r"has no images\.npz"):
        captions.read(channel)
