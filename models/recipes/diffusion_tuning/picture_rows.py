"""Captioned pictures of a channel as a base takes them: captions, tokens and latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from chalicelib.inference.vocabulary import shortened_list
from models.bases.folder import BaseModel
from models.data.images import to_network
from models.data.picture_files import Pictures, read_squares
from models.failures import BadData
from models.networks.diffusion_base import picture_size
from models.networks.prompt_readers import PromptReader, WordPrompts, read_prompts
from models.networks.tuned_denoiser import PromptedDenoiser
from models.recipes.diffusion_tuning.parameters import Parameters
from models.training_data.channel import PARTS, DataChannel, DataPart, read_channel
from models.training_data.rows import CaptionedImage

Captioned = DataChannel[CaptionedImage]

AT_ONCE = 32
"""Pictures that go through a network together, where nothing learns."""


def read(folder: Path) -> Captioned:
    """Read a channel of captioned pictures.

    Raises:
        BadData: it is none, or all captions are alike, so that no caption could be judged.
    """
    data = read_channel(folder, CaptionedImage)
    parts: tuple[DataPart, ...] = ("train", "test")
    for part in parts:
        captions = {row.text for row in data.part(part)}
        if len(captions) == 1:
            raise BadData(
                f"{part}.jsonl: every caption is {captions.pop()!r}. Say in each what its picture "
                "shows beside the style: else the model draws one thing, and no held-out caption "
                "can judge it."
            )
    return data


def captioned(data: Captioned, parameters: Parameters) -> Captioned:
    """Return a channel whose captions have the form of the settings."""
    form = parameters.caption

    def rows(part: DataPart) -> tuple[CaptionedImage, ...]:
        return tuple(
            row.model_copy(update={"text": form.format(row.text)}) for row in data.part(part)
        )

    return replace(data, train=rows("train"), validation=rows("validation"), test=rows("test"))


def pictures_of(
    network: PromptedDenoiser, data: Captioned, rows: Sequence[CaptionedImage]
) -> Pictures:
    """Return the pictures of rows as the base sees them. Raises BadData."""
    paths = (data.file(row.file) for row in rows)
    return read_squares(paths, network.loaded.side, network.loaded.channels)


def encode_captions(
    prompts: PromptReader, rows: Sequence[CaptionedImage], part: DataPart
) -> torch.Tensor:
    """Return the tokens of captions. Raises BadData, with the line, for one that is too long."""
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(prompts.tokens(row.text))
        except BadData as error:
            raise BadData(f"{part}.jsonl, line {number}: {error}") from error
    return torch.tensor(found, dtype=torch.long)


def check(parameters: Parameters, data: Captioned, base: BaseModel) -> list[str]:
    """Return which words are new to the base.

    Raises:
        BadData: a caption is too long, a picture too small or broken, or too many words are new.
    """
    data = captioned(data, parameters)
    prompts, (side, channels) = read_prompts(base), picture_size(base)
    for part in PARTS:
        rows = data.part(part)
        encode_captions(prompts, rows, part)
        for row in rows:
            read_squares([data.file(row.file)], side, channels)
    if not isinstance(prompts, WordPrompts):
        return []
    told = []
    if new := prompts.learned_words([row.text for row in data.train], parameters.new_words):
        told.append(f"New to the base, and learned: {shortened_list(new)}.")
    left = prompts.with_words(new).unknown([row.text for row in data.test])
    if left:
        told.append(f"In no training caption, and so not read: {shortened_list(left)}.")
    return told


def latents_of(network: PromptedDenoiser, pictures: Pictures) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and deviation of the latents of pictures, on the CPU."""
    device, seen = network.kept.device, torch.from_numpy(to_network(pictures))
    found = [network.latents(each.to(device)) for each in seen.split(AT_ONCE)]
    means, deviations = zip(*found, strict=True)
    return torch.cat(means).cpu(), torch.cat(deviations).cpu()
