"""CLIP: an image tower and a text tower with one vector space, and their ONNX graphs.

A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021,
https://arxiv.org/abs/2103.00020. The towers are transformers' CLIPModel, made from a configuration.
Pictures go through convolutions before attention instead of one cut into patches, which learns
sooner from few pictures (T. Xiao et al., 2021, https://arxiv.org/abs/2106.14881).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel

from models.data.caption_tokens import BEGIN, END, PAD
from models.networks.settings import STRIDE, TowerSettings
from models.training import seeds
from models.training.recipe_code import Constant, Graph

LEAST_TEMPERATURE = 0.01
"""Similarities are multiplied by 100 at most, as in the paper (2.5)."""

_GROUPS = 8
_WIDER = 2


class Stem(nn.Sequential):
    """Three normalised convolutions of stride 2 and one that mixes channels.

    They replace CLIP's patch embedding, from [n, channels, side, side] to
    [n, width, side / 8, side / 8].
    """

    def __init__(self, channels: int, width: int) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        sizes = (channels, 32, 64, width)
        layers: list[nn.Module] = []
        for given, wanted in pairwise(sizes):
            layers += [nn.Conv2d(given, wanted, 3, 2, 1), nn.GroupNorm(_GROUPS, wanted), nn.GELU()]
        super().__init__(*layers, nn.Conv2d(width, width, 1))

    @property
    def weight(self) -> torch.Tensor:
        """Return the last layer's weights, from which transformers reads the data type."""
        last: torch.Tensor = self[-1].weight
        return last


class TwoTowers(nn.Module):
    """Both towers, which give unit vectors, and the learned temperature.

    `clip.vision_model` gives what other networks see by: the hidden states of a picture's tokens.
    """

    def __init__(self, settings: TowerSettings) -> None:
        """Make both towers; weights are drawn from torch's global stream."""
        super().__init__()
        self.clip = CLIPModel(clip_config(settings))
        self.clip.vision_model.embeddings.patch_embedding = Stem(
            settings.channels, settings.image_width
        )

    def image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return vectors [n, vector] of pictures [n, channels, side, side] from -1 to 1."""
        seen = self.clip.vision_model(pixel_values=pixels).pooler_output
        return functional.normalize(self.clip.visual_projection(seen), dim=-1)

    def text(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return vectors [n, vector] of tokens [n, prompt_tokens]; `mask` is 0 for padding."""
        read = self.clip.text_model(input_ids=tokens, attention_mask=mask).pooler_output
        return functional.normalize(self.clip.text_projection(read), dim=-1)

    def forward(self, pixels: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the contrastive loss of n pairs."""
        vectors = self.image(pixels), self.text(tokens, (tokens != PAD).long())
        return contrastive_loss(*vectors, self.clip.logit_scale.exp())

    @property
    def temperature(self) -> float:
        """Return the temperature, which divides similarities."""
        return math.exp(-self.clip.logit_scale.item())

    def bound_temperature(self) -> None:
        """Keep the temperature at 0.01 or above, or the loss could grow steep without end."""
        with torch.no_grad():
            self.clip.logit_scale.clamp_(max=-math.log(LEAST_TEMPERATURE))


def contrastive_loss(
    images: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor | float
) -> torch.Tensor:
    """Return the symmetric InfoNCE of n pairs of unit vectors, [n, d] each, in nats.

    Pair i is right and all others of the batch are wrong: the mean of the cross-entropies of rows
    and of columns of `scale` * images texts^T (Radford et al., figure 3).
    """
    logits = scale * images @ texts.T
    right = torch.arange(len(logits), device=logits.device)
    rows, columns = (
        functional.cross_entropy(logits, right),
        functional.cross_entropy(logits.T, right),
    )
    return (rows + columns) / 2


def clip_config(settings: TowerSettings) -> CLIPConfig:
    """Return transformers' configuration of the towers."""
    s = settings
    return CLIPConfig(
        text_config={
            "vocab_size": s.vocabulary,
            "hidden_size": s.text_width,
            "intermediate_size": _WIDER * s.text_width,
            "num_hidden_layers": s.text_layers,
            "num_attention_heads": s.heads,
            "max_position_embeddings": s.prompt_tokens,
            "pad_token_id": PAD,
            "bos_token_id": BEGIN,
            "eos_token_id": END,
            "projection_dim": s.vector,
        },
        vision_config={
            "image_size": s.side,
            "patch_size": STRIDE,
            "num_channels": s.channels,
            "hidden_size": s.image_width,
            "intermediate_size": _WIDER * s.image_width,
            "num_hidden_layers": s.image_layers,
            "num_attention_heads": s.heads,
            "projection_dim": s.vector,
        },
        projection_dim=s.vector,
        logit_scale_init_value=-math.log(s.first_temperature),
    )


_EXAMPLES_STREAM = 2**31 + 2


_COUNT_AXIS = {0: "count"}


class _Image(nn.Module):
    def __init__(self, towers: TwoTowers) -> None:
        super().__init__()
        self._towers = towers

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._towers.image(image)


class _Text(nn.Module):
    def __init__(self, towers: TwoTowers) -> None:
        super().__init__()
        self._towers = towers

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self._towers.text(tokens, mask)


def tower_graphs(network: nn.Module, settings: TowerSettings) -> Mapping[str, Graph]:
    """Return a graph for each tower; how many pictures or texts there are may vary."""
    assert isinstance(network, TwoTowers)
    s = settings
    stream = seeds.generator(s.seed, _EXAMPLES_STREAM)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, s.channels, s.side, s.side, generator=stream) * 2 - 1

    def texts(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        shape = (count, s.prompt_tokens)
        tokens = torch.randint(END + 1, s.vocabulary, shape, generator=stream)
        ends = torch.randint(2, s.prompt_tokens, (count, 1), generator=stream)
        places = torch.arange(s.prompt_tokens)
        tokens = tokens.where(places != ends, END).where(places <= ends, PAD)
        tokens[:, 0] = BEGIN
        return tokens, (tokens != PAD).long()

    return {
        "image_tower": Graph(
            _Image(network),
            inputs=("image",),
            outputs=("vector",),
            examples=(images(2),),
            trial=(images(33),),
            varying={"image": _COUNT_AXIS},
        ),
        "text_tower": Graph(
            _Text(network),
            inputs=("tokens", "mask"),
            outputs=("vector",),
            examples=texts(2),
            trial=texts(33),
            varying={"tokens": _COUNT_AXIS, "mask": _COUNT_AXIS},
        ),
    }


def tower_constants(settings: TowerSettings) -> Mapping[str, Constant]:
    """Return sizes of what goes in and comes out, the range of pixels, and prompts of classes."""
    return {
        "side": settings.side,
        "channels": settings.channels,
        "lowest": -1.0,
        "highest": 1.0,
        "vector": settings.vector,
        "prompt_tokens": settings.prompt_tokens,
        "templates": settings.templates,
    }


def learned_constants(network: nn.Module) -> Mapping[str, Constant]:
    """Return the temperature, which is learned."""
    assert isinstance(network, TwoTowers)
    return {"temperature": network.temperature}
