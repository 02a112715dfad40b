"""BLIP-2: a frozen image tower, the Q-Former, a projection, a frozen language model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import nn
from torch.nn import functional
from transformers import Blip2QFormerConfig, Blip2QFormerModel
from transformers.models.blip_2.modeling_blip_2 import Blip2TextEmbeddings

from models.data.words import PAD
from models.networks.language import FrozenLanguageModel
from models.networks.vision import VisionTower, weights_below
from models.recipes.blip2.parameters import Parameters
from models.training.artefacts import TrainedModel

_WIDER = 2


_MATCHES = 2


class QFormer(nn.Module):
    """Vectors of pictures [n, queries, width], alone or together with words."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        p = parameters
        config = Blip2QFormerConfig(
            vocab_size=p.vocabulary,
            hidden_size=p.query_width,
            intermediate_size=_WIDER * p.query_width,
            num_hidden_layers=p.query_layers,
            num_attention_heads=p.query_heads,
            encoder_hidden_size=p.image_width,
            cross_attention_frequency=1,
            max_position_embeddings=p.context,
            pad_token_id=PAD,
            use_qformer_text_input=True,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        self.former = Blip2QFormerModel(config)
        self.embeddings = Blip2TextEmbeddings(config)
        self.tokens = nn.Parameter(torch.randn(1, p.queries, p.query_width) * 0.02)
        self.image_vector = nn.Linear(p.query_width, p.vector)
        self.text_vector = nn.Linear(p.query_width, p.vector)
        self.matches = nn.Linear(p.query_width, _MATCHES)
        self.next_word = nn.Linear(p.query_width, p.vocabulary)
        self.scale = nn.Parameter(torch.tensor(-math.log(p.first_temperature)))

    def see(self, features: torch.Tensor) -> torch.Tensor:
        """Return the queries after they read a picture's vectors [n, patches, image width]."""
        told = self.former(
            query_embeds=self.tokens.expand(features.shape[0], -1, -1),
            encoder_hidden_states=features,
        )
        return cast(torch.Tensor, told.last_hidden_state)

    def similarities(self, seen: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
        """Return scaled similarities of pictures and captions, [pictures, captions].

        Of a picture's queries the one that is most like the caption's first token counts. Words see
        no query here.
        """
        images = functional.normalize(self.image_vector(seen), dim=-1)
        read = self.former(
            query_embeds=self.embeddings(input_ids=captions),
            query_length=0,
            attention_mask=captions != PAD,
        ).last_hidden_state
        texts = functional.normalize(self.text_vector(read[:, 0]), dim=-1)
        found = torch.einsum("nqd,md->nmq", images, texts).max(dim=2).values
        return found * self.scale.exp()

    def match(self, features: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
        """Return the logits of no match and of match of picture and caption, [n, 2].

        Queries and words see each other; the mean over queries is told.
        """
        seen = torch.ones(len(captions), self.tokens.shape[1], device=captions.device)
        mask = torch.cat([seen.bool(), captions != PAD], dim=1)
        together = self._together(features, captions, mask)
        told: torch.Tensor = self.matches(together[:, : self.tokens.shape[1]]).mean(dim=1)
        return told

    def write(self, features: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
        """Return logits of the token after each of a caption, [n, length, vocabulary].

        Queries see each other alone; a word sees the queries and the words before it.
        """
        before = self.tokens.shape[1]
        size = before + captions.shape[1]
        mask = torch.ones(size, size, dtype=torch.bool, device=captions.device).tril()
        mask[:before, :before] = True
        everyone = mask.expand(len(captions), 1, -1, -1)
        together = self._together(features, captions, everyone)
        logits: torch.Tensor = self.next_word(together[:, before:])
        return logits

    def _together(
        self, features: torch.Tensor, captions: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        queries = self.tokens.expand(len(captions), -1, -1)
        told = self.former(
            query_embeds=self.embeddings(input_ids=captions, query_embeds=queries),
            query_length=self.tokens.shape[1],
            attention_mask=mask,
            encoder_hidden_states=features,
        )
        return cast(torch.Tensor, told.last_hidden_state)


VISION, LANGUAGE = "vision", "language"
"""The channels of the bases."""

_SEEN = "vision."
"""How the names of the tower's weights begin in its recipe."""


class Blip2Captioner(nn.Module):
    """Captions pictures and answers questions on them."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.vision = VisionTower(parameters).requires_grad_(False)
        self.language = FrozenLanguageModel(parameters).requires_grad_(False)
        self.qformer = QFormer(parameters)
        self.projection = nn.Linear(parameters.query_width, parameters.width)

    def begin(self, bases: Mapping[str, TrainedModel]) -> None:
        """Take the weights of both bases. Raises RuntimeError where they are of another shape."""
        self.vision.load_state_dict(weights_below(_SEEN, bases[VISION].weights))
        self.language.load_state_dict(dict(bases[LANGUAGE].weights))

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Return the language model's input of a picture, [n, queries, language width]."""
        read: torch.Tensor = self.projection(self.qformer.see(features))
        return read

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the same of pictures [n, 3, side, side] from -1 to 1."""
        return self.project(self.vision(pixels))
