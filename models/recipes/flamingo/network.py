"""Flamingo: a frozen language model with gated cross-attention to pictures, and its loss.

J.-B. Alayrac et al., Flamingo, 2022, https://arxiv.org/abs/2204.14198. The layers are those of
transformers' Idefics, which rebuilt it in the open, made from a configuration; its decoder is the
Llama that the language model is, so that the weights of this fit. Gates are tanh of weights that
begin at 0: before training, pictures change nothing of what the language model says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from transformers import IdeficsConfig, IdeficsForVisionText2Text

from models.data.words import BEGIN, END, IMAGE, PAD
from models.failures import BadData
from models.networks.language import unknown_words
from models.networks.picture_variants import PLAIN, RECOLOURED, SCATTERED
from models.networks.question_rows import (
    TOKENS_A_PICTURE,
    answer_rows,
    cross_entropy,
    row_answer_labels,
)
from models.networks.vision import VisionTower, weights_below
from models.recipes.flamingo.parameters import Parameters
from models.training.artefacts import TrainedModel
from models.training.supervised_task import Batch, Loss

VISION, LANGUAGE = "vision", "language"
"""The channels of the bases."""

_SEEN = "vision."
_SPOKEN = "decoder."
"""How the names of the weights begin in the recipes of the bases."""


class Flamingo(nn.Module):
    """Continues a text with pictures in it; a token attends to the last picture before it."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.vision = VisionTower(parameters).requires_grad_(False)
        self.speaker = IdeficsForVisionText2Text(idefics_config(parameters)).requires_grad_(False)
        self.speaker.model.vision_model = nn.Identity()
        self.register_buffer("words", unknown_words())
        for part in (self.speaker.model.perceiver_resampler, self.looks):
            part.requires_grad_(True)

    @property
    def looks(self) -> nn.ModuleList:
        """Return the gated cross-attentions, from the first layer on."""
        return cast(nn.ModuleList, self.speaker.model.gated_cross_attn_layers)

    def begin(self, bases: Mapping[str, TrainedModel]) -> None:
        """Take the weights of both bases.

        Raises:
            RuntimeError: they are of another shape.
            BadData: the language model has layers for which there is no place.
        """
        spoken = bases[LANGUAGE].weights
        self.vision.load_state_dict(weights_below(_SEEN, bases[VISION].weights))
        self.words.copy_(spoken["words"])
        told = self.speaker.load_state_dict(weights_below(_SPOKEN, spoken), strict=False)
        own = ("model.perceiver_resampler.", "model.gated_cross_attn_layers.")
        missing = [name for name in told.missing_keys if not name.startswith(own)]
        if missing or told.unexpected_keys:
            raise BadData(
                f"The language model lacks {', '.join(missing) or 'nothing'} and has "
                f"{', '.join(told.unexpected_keys) or 'nothing'} too much; layers has to be "
                "what it was trained with."
            )

    def resample(self, features: torch.Tensor) -> torch.Tensor:
        """Return latents [n, latents, image width] of a tower's vectors [n, patches, width]."""
        return cast(torch.Tensor, self.speaker.model.perceiver_resampler(features))

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the same of pictures [n, 3, side, side] from -1 to 1."""
        return self.resample(self.vision(pixels))

    def forward(self, latents: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits of the token after each, [n, length, vocabulary].

        `latents` are [n, pictures, latents, image width], one picture for each IMAGE of `tokens`
        [n, length], in their order.
        """
        passed = (tokens == IMAGE).cumsum(1)
        pictures = torch.arange(1, latents.shape[1] + 1, device=tokens.device)
        told = self.speaker(
            input_ids=tokens,
            perceiver_embeddings=latents.flatten(0, 1),
            image_attention_mask=(passed[..., None] == pictures).long(),
            use_cache=False,
        )
        return cast(torch.Tensor, told.logits)

    @property
    def gate(self) -> float:
        """Return how far the gates are open, the mean of |tanh| from 0 to 1."""
        gates = [
            torch.tanh(weights).abs().mean()
            for look in self.looks
            for weights in (look.alpha_cross_attn, look.alpha_dense)
        ]
        return float(torch.stack(gates).mean().detach())


def idefics_config(parameters: Parameters) -> IdeficsConfig:
    """Return transformers' configuration, whose own tower for pictures is not used."""
    p = parameters
    return IdeficsConfig(
        vocab_size=p.vocabulary,
        additional_vocab_size=0,
        hidden_size=p.width,
        intermediate_size=p.inner,
        num_hidden_layers=p.layers,
        num_attention_heads=p.heads,
        cross_layer_interval=p.every,
        max_position_embeddings=p.context,
        pad_token_id=PAD,
        bos_token_id=BEGIN,
        eos_token_id=END,
        dropout=0.0,
        alpha_initializer="zeros",
        alpha_type="float",
        use_resampler=True,
        vision_config={
            "embed_dim": p.image_width,
            "image_size": p.side,
            "patch_size": p.side,
            "num_hidden_layers": 1,
            "num_attention_heads": 1,
            "intermediate_size": p.image_width,
        },
        perceiver_config={
            "use_resampler": True,
            "resampler_n_latents": p.latents,
            "resampler_depth": p.resampler_layers,
            "resampler_n_heads": p.resampler_heads,
            "resampler_head_dim": p.image_width // p.resampler_heads,
        },
    )


def objective(parameters: Parameters, askable: torch.Tensor, associations: torch.Tensor) -> Loss:
    """Return the loss: -log p of an answer, in nats, the mean over all pictures of rows.

    A row has pictures of the batch by chance, one for each shot and one more, and their answers for
    one attribute by chance. Which one it is, no word says: the answers before tell. The first
    answer of a row is learned too (Alayrac et al., equation 1: every token is).

    A batch is features [n, variants, patches, width] and answers [n, attributes]. A share of the
    pictures is recoloured or scattered, and asked only for what is left: `askable`, [variants,
    attributes], is 1 there. So no colour can be told from the shapes that it comes with.

    One attribute of a picture foretells another as far as the training's pairs do: of a red one it
    would be learned that it shows no star. So what the other answers foretell, `associations` of
    [vocabulary, vocabulary] by `answer_associations`, is added to the logits, and what is left to
    learn is what the picture shows (A. K. Menon et al., Long-tail learning via logit adjustment,
    https://arxiv.org/abs/2007.07314).
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, Flamingo)
        features, told = batch
        count, device = len(told), told.device
        other = torch.randint(RECOLOURED, SCATTERED + 1, (count,))
        variant = other.masked_fill(torch.rand(count) >= parameters.varied, PLAIN).to(device)
        rows = draw_rows(told, parameters.shots + 1, variant, askable.to(device))
        latents = network.resample(features[torch.arange(count, device=device), variant])
        tokens = answer_rows(rows.answers)
        logits = network(latents[rows.pictures], tokens)
        foretold = foretold_answers(told, variant, associations.to(device))[rows.pictures]
        logits = logits + foretold.repeat_interleave(TOKENS_A_PICTURE, dim=1)
        return {"loss": cross_entropy(logits, row_answer_labels(tokens))}

    return loss


def foretold_answers(
    told: torch.Tensor, variant: torch.Tensor, associations: torch.Tensor
) -> torch.Tensor:
    """Return what the other answers of each picture foretell of a token, in nats, [n, vocabulary].

    `told` is [n, attributes]. A recoloured picture foretells what it did before: yellow whose red
    and green change places is yellow, and other colours tell what they were. A scattered one, which
    shows no shape, foretells nothing.
    """
    return associations[told].sum(1) * (variant != SCATTERED)[:, None]


@dataclass(frozen=True, slots=True)
class ShotRows:
    """Rows of pictures and their answers, [n, count] each, and the attribute of each, [n, 1]."""

    pictures: torch.Tensor
    answers: torch.Tensor
    attribute: torch.Tensor


def draw_rows(
    told: torch.Tensor, count: int, variant: torch.Tensor, askable: torch.Tensor
) -> ShotRows:
    """Draw rows of `count` pictures with answers for one attribute, from [n, attributes].

    Row i ends with picture i. All its pictures are of the same `variant`, [n], which may be asked
    for its attribute.
    """
    alike = (variant[:, None] == variant).float()
    others = torch.multinomial(alike, count - 1, replacement=True) if count > 1 else None
    own = torch.arange(len(told), device=told.device)[:, None]
    pictures = own if others is None else torch.cat([others, own], dim=1)
    attribute = torch.multinomial(askable[variant], 1)
    return ShotRows(pictures, told[pictures, attribute], attribute)
