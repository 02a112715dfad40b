"""Pictures in other colours: what is changed of them, and what is asked of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.data.questions import PictureDescription, Questions, QuestionSplit
from models.data.words import WholeWordTokenizer
from models.networks.vision import recolour
from models.recipes.shape_vision.recipe import caption_words, objective
from models.reference.losses import binary_cross_entropy


class _Told(torch.nn.Module):
    """A network that tells the same of whatever it sees."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self._logits = logits

    def forward(self, _pixels: torch.Tensor) -> torch.Tensor:
        return self._logits


def channel() -> Questions:
    described = [
        PictureDescription(
            caption=f"a {colour} {shape}", answers={"colour": colour, "shape": shape}
        )
        for colour, shape in (("red", "star"), ("blue", "circle"))
    ]
    part = QuestionSplit(np.zeros((2, 8, 8, 3), np.uint8), described)
    return Questions(part, part, ("colour", "shape"))


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_only_chosen_pictures_should_get_other_colours(chosen: list[bool]) -> None:
    pixels = torch.rand(len(chosen), 3, 4, 4)
    pixels[:, :, 0, 0] = 0.5
    found = recolour(pixels, torch.tensor(chosen))
    changed = (found != pixels).flatten(1).any(1).tolist()
    assert changed == chosen
    assert (found[:, :, 0, 0] == 0.5).all()
    assert torch.equal(found.sort(1).values, pixels.sort(1).values)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_towers_loss_should_be_the_references_over_the_words_that_are_asked(
    share: float,
) -> None:
    data = channel()
    words = WholeWordTokenizer.of(data, 32)
    wanted = caption_words(words, data.train.described, words.size)
    colours = torch.zeros(words.size)
    colours[words.ids("red blue")] = 1
    logits = torch.randn(2, words.size, dtype=torch.float64)
    told = objective(colours, share)(_Told(logits), [torch.rand(2, 3, 8, 8), wanted.double()], 1)
    counted = (colours == 0) if share else (colours == 1)
    chances = torch.sigmoid(logits)[:, counted].numpy()
    mean = binary_cross_entropy(wanted[:, counted].double().numpy(), chances)
    assert float(told["loss"]) == pytest.approx(mean * int(counted.sum()), rel=1e-6)
