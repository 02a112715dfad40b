"""Captioned pictures as rows that a denoiser trains on, and the words that serve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from chalicelib.inference.vocabulary import VOCABULARY_FILE
from models.common.captions import Captioned
from models.networks.denoiser.settings import DenoiserSettings


def captioned(data: Captioned, settings: DenoiserSettings) -> Sequence[torch.Tensor]:
    """Return the pictures that are trained on, [n, channels, side, side], the tokens of each one's
    captions, [n, captions, prompt_tokens], and how many it has, [n].

    Raises:
        BadData: sizes or words are not those of the settings, or a caption is too long.
    """
    data.hold(settings.side, settings.channels, settings.words)
    tokens, counts = data.tokens("train", settings.prompt_tokens)
    return [torch.from_numpy(each) for each in (data.images.train.scaled(), tokens, counts)]


def taken(captions: torch.Tensor, counts: torch.Tensor, drop: float) -> torch.Tensor:
    """Return the tokens of one caption of each picture, [n, prompt_tokens], drawn at random; those
    of a share `drop` of the pictures are all 0.
    """
    device = counts.device
    chosen = (torch.rand(len(counts)).to(device) * counts).long()
    tokens = captions[torch.arange(len(counts), device=device), chosen]
    dropped = torch.rand(len(counts)).to(device) < drop
    return tokens.masked_fill(dropped[:, None], 0)


def files(data: Captioned, _settings: DenoiserSettings) -> Mapping[str, bytes]:
    """Return the vocabulary, by which a server numbers the words of prompts."""
    return {VOCABULARY_FILE: data.vocabulary.content()}
