"""Contrastive training of two towers on captioned pictures.

A picture with several captions has one of them at each step. With several processes, the wrong
pairs are those of a process alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import nn

from models.data import caption_tokens
from models.data.caption_tokens import PAD
from models.data.captions import CaptionedImages, Part
from models.networks.settings import TowerSettings
from models.networks.towers import TwoTowers
from models.training.loop import TrainingTask
from models.training.recipe_code import TaskSetup
from models.training.supervised_task import Batch, Loss, loss_task

S = TypeVar("S", bound=TowerSettings)

_ROWS = 256


def task(setup: TaskSetup[S, CaptionedImages]) -> TrainingTask:
    """Return the training of two towers on the channel's pictures. Raises BadData."""
    settings, data, network = setup.parameters, setup.data, setup.network
    assert isinstance(network, TwoTowers)
    data.images.require(settings.side, settings.channels)
    pixels = torch.from_numpy(data.images.train.scaled())
    said, counts = captions(tokenizer(data, settings), data, "train")
    return loss_task(
        setup,
        objective(settings),
        [pixels, torch.from_numpy(said), torch.from_numpy(counts)],
        after=lambda _: network.bound_temperature(),
    )


def objective(settings: TowerSettings) -> Loss:
    """Return the loss of a batch of pictures, their captions' tokens and how many they have."""

    def loss(network: nn.Module, batch: Batch, _: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, TwoTowers)
        pixels, said, counts = batch
        chosen = (torch.rand(len(counts)).to(counts.device) * counts).long()
        rows = torch.arange(len(counts), device=counts.device)
        shown = grey_pictures(shift_pictures(pixels, settings.shift), settings.grey)
        told = network(shown, said[rows, chosen])
        return {"loss": told, "temperature": (-network.clip.logit_scale).exp()}

    return loss


def shift_pictures(pixels: torch.Tensor, most: int) -> torch.Tensor:
    """Return pictures moved by up to `most` pixels, all of a batch alike; edges are repeated."""
    if not most:
        return pixels
    # The shift is data: as the bounds of a slice each would be a graph of its own to XLA.
    shift = (torch.randint(0, 2 * most + 1, (2,)) - most).to(pixels.device)
    for axis, by in zip((2, 3), shift, strict=True):
        size = pixels.shape[axis]
        places = (torch.arange(size, device=pixels.device) + by).clamp(0, size - 1)
        pixels = pixels.index_select(axis, places)
    return pixels


def grey_pictures(pixels: torch.Tensor, share: float) -> torch.Tensor:
    """Return pictures of which about a share are made grey.

    A shape is then learned apart from the colours that it came in. T. Chen et al., SimCLR, 2020,
    https://arxiv.org/abs/2002.05709, appendix A.
    """
    if not share:
        return pixels
    chosen = torch.rand(len(pixels), 1, 1, 1).to(pixels.device) < share
    return torch.where(chosen, pixels.mean(1, keepdim=True), pixels)


def tokenizer(data: CaptionedImages, settings: TowerSettings) -> Tokenizer:
    """Return the tokenizer of the captions that are trained on; always the same one."""
    return caption_tokens.caption_tokenizer(data, settings.vocabulary, settings.prompt_tokens)


def files(data: CaptionedImages, settings: TowerSettings) -> Mapping[str, bytes]:
    """Return tokenizer.json, which fills and cuts texts to `prompt_tokens`."""
    return {"tokenizer.json": caption_tokens.tokenizer_file(tokenizer(data, settings))}


def captions(
    reader: Tokenizer, data: CaptionedImages, part: Part
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return tokens [pictures, most captions, length], and counts of captions, [pictures]."""
    said = data.captions[part]
    counts = np.array([len(each) for each in said], np.int64)
    flat = caption_tokens.encode_texts(reader, [text for each in said for text in each])
    found = np.full((len(said), int(counts.max()), flat.shape[1]), PAD, np.int64)
    ends = np.cumsum(counts)
    for at, (start, end) in enumerate(zip(ends - counts, ends, strict=True)):
        found[at, : end - start] = flat[start:end]
    return found, counts


@torch.no_grad()
def image_vectors(network: TwoTowers, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors [n, vector] of pictures [n, channels, side, side] from -1 to 1."""
    parts = [network.image(part) for part in torch.from_numpy(pixels).split(_ROWS)]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


@torch.no_grad()
def text_vectors(
    network: TwoTowers, reader: Tokenizer, texts: Sequence[str]
) -> NDArray[np.float32]:
    """Return vectors [n, vector] of texts."""
    rows = torch.from_numpy(caption_tokens.encode_texts(reader, texts)).split(_ROWS)
    parts = [network.text(part, (part != PAD).long()) for part in rows]
    return np.asarray(torch.cat(parts).numpy(), np.float32)
