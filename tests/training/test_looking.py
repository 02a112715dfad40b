"""What functions tell of pictures by exported graphs, beside what the networks say themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from chalicelib.contracts.model_manifest import FILE
from chalicelib.errors import ModelFailure
from chalicelib.inference import blip2, clip, flamingo
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_text import ImageExample, ImageQuestion
from chalicelib.inference.pixels import encode_png
from chalicelib.inference.tokenizers import MARKS
from models.data import captions, questions
from models.data.images import to_network
from models.data.questions import Questions
from models.data.words import SPECIAL, WholeWordTokenizer
from models.files import sha256_of_file
from models.networks import tower_training
from models.networks.question_rows import answer_tokens
from models.recipes.blip2.recipe import CODE as BLIP2
from models.recipes.blip2.recipe import write_texts
from models.recipes.clip.recipe import CODE as CLIP
from models.recipes.flamingo.recipe import CODE as FLAMINGO
from models.recipes.flamingo.recipe import answer_last
from models.training import recipe
from models.training.recipe_code import RecipeCode
from tests.training.conftest import Channel, Smoke, weights_of

QUESTIONS = ("", "which colour ?", "which shape ?", "which size ?", "which background ?")
"""As training asks them; without one it is a caption."""


def exported(smoke: Smoke, name: str) -> ExportedModel:
    """Return a recipe's smoke model as a function reads it."""
    folder = smoke(name) / "finish" / "model"
    sha256 = sha256_of_file(folder / FILE)
    return ExportedModel.read(lambda file: (folder / file).read_bytes(), sha256)


def settings(name: str, family: RecipeCode[Any, Any]) -> Any:
    """Return the settings of a recipe's smoke preset."""
    return family.parameters.model_validate(recipe.resolve(recipe.load(name), "smoke").model_dump())


def network(smoke: Smoke, name: str, family: RecipeCode[Any, Any]) -> Any:
    """Return a recipe's smoke model as it was trained."""
    made = family.network(settings(name, family))
    held = weights_of(smoke(name) / "train" / "model" / "weights.safetensors")
    made.load_state_dict({key: torch.from_numpy(each) for key, each in held.items()})
    return made.eval()


def files(pixels: np.ndarray) -> Sequence[bytes]:
    """Return a PNG of each picture."""
    return [encode_png(each) for each in pixels]


@pytest.fixture(scope="module")
def data(channel: Channel) -> Questions:
    return questions.read(channel("shape_questions"))


def test_a_clip_should_give_the_vectors_of_its_network(smoke: Smoke, channel: Channel) -> None:
    served, trained = clip.open_model(exported(smoke, "clip")), network(smoke, "clip", CLIP)
    data = captions.read(channel("shapes"))
    pixels = data.images.test.images[:6]
    ours = np.stack([served.embed_image(each, "image") for each in files(pixels)])
    theirs = tower_training.image_vectors(trained, to_network(pixels))
    assert np.abs(ours - theirs).max() < 1e-5
    texts = ["a red star", "A large blue circle on a white background", "yellow"]
    written = np.stack([served.embed_text(each, "text")[0] for each in texts])
    reader = tower_training.tokenizer(data, settings("clip", CLIP))
    assert np.abs(written - tower_training.text_vectors(trained, reader, texts)).max() < 1e-5


def test_a_blip2_should_say_what_its_network_says(smoke: Smoke, data: Questions) -> None:
    served, trained = blip2.open_model(exported(smoke, "blip2")), network(smoke, "blip2", BLIP2)
    pixels, words = data.test.pictures[:6], WholeWordTokenizer.of(data, 48)
    for question in QUESTIONS:
        ours = [
            served.answer(ImageQuestion(each, question, max_tokens=11)).text
            for each in files(pixels)
        ]
        with torch.no_grad():
            seen = trained.see(torch.from_numpy(to_network(pixels)))
            assert ours == write_texts(trained, words, seen, question, 11), question


def test_a_flamingo_should_answer_as_its_network_does(smoke: Smoke, data: Questions) -> None:
    served = flamingo.open_image_text_model(exported(smoke, "flamingo"))
    trained = network(smoke, "flamingo", FLAMINGO)
    words, told = (
        WholeWordTokenizer.of(data, 48),
        answer_tokens(WholeWordTokenizer.of(data, 48), data.test, data.attributes),
    )
    pixels = files(data.test.pictures[:12])
    rows = torch.arange(12).reshape(4, 3)
    with torch.no_grad():
        seen = trained.see(torch.from_numpy(to_network(data.test.pictures[:12])))
        wanted = answer_last(trained, seen, told, rows)
    told_of = 0
    for row, attribute in np.ndindex(4, len(data.attributes)):
        *shown, last = (int(each) for each in rows[row])
        shots = tuple(
            ImageExample(pixels[at], words.text([int(told[at, attribute])])) for at in shown
        )
        text = words.text([int(wanted[row, attribute])])
        if not text:
            with pytest.raises(ModelFailure, match="a mark of its own"):
                served.answer(ImageQuestion(pixels[last], examples=shots))
            continue
        assert served.answer(ImageQuestion(pixels[last], examples=shots)).text == text
        told_of += 1
    assert told_of > 4


def test_marks_of_training_should_be_those_that_are_left_out() -> None:
    assert frozenset(SPECIAL) == MARKS
