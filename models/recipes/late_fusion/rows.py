"""Products as late fusion reads them: pictures of one size, and titles as tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer

from models.data import caption_tokens
from models.data.images import to_network
from models.recipes.late_fusion.parameters import Parameters
from models.training_data.captioned_pictures import PictureReader
from models.training_data.products import ProductPart, Products


def title_reader(data: Products, parameters: Parameters) -> Tokenizer:
    """Return the tokenizer of the titles that a channel trains on."""
    return caption_tokens.learn_tokenizer(
        data.train.titles, parameters.vocabulary, parameters.prompt_tokens
    )


def picture_reader(part: ProductPart, parameters: Parameters) -> PictureReader:
    """Return what opens the pictures of a part, whole on a white square."""
    return PictureReader(part.paths, parameters.side, parameters.channels)


def scaled_pictures(pictures: PictureReader, rows: Sequence[int]) -> torch.Tensor:
    """Return the pictures of rows, [n, channels, side, side] from -1 to 1. Raises BadData."""
    return torch.from_numpy(to_network(pictures.pixels(rows)))
