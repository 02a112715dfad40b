"""The parts of BLIP-2 and of Idefics by one interface: what sees, what joins, what writes.

BLIP-2: J. Li et al., https://arxiv.org/abs/2301.12597. Idefics, the open reproduction of Flamingo:
H. Laurençon et al., https://arxiv.org/abs/2306.16527; J.-B. Alayrac et al.,
https://arxiv.org/abs/2204.14198. Both are transformers' own classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn
from transformers import PreTrainedModel

from models.bases.image_files import AROUND_IMAGE_MARK, IMAGE_MARK
from models.failures import BadData


class VisionLanguageBody(Protocol):
    """A network that sees pictures and writes: `network` is transformers' own."""

    network: PreTrainedModel
    opening: str
    """Marks of a picture that stand before a prompt."""

    @property
    def vectors(self) -> int:
        """Return how many vectors a picture becomes."""

    @property
    def tower(self) -> nn.Module:
        """Return what sees, which LoRA leaves as it is."""

    @property
    def connectors(self) -> Sequence[nn.Module | nn.Parameter]:
        """Return what joins pictures to words, which learns whatever the way."""

    @property
    def language(self) -> str:
        """Return where the layers of the language model are, as the start of their names."""

    @property
    def head(self) -> nn.Module:
        """Return what makes logits of vectors."""

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the vectors of normalised pictures, [n, vectors, width]."""

    def hidden(self, features: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the last layer's vectors of tokens, [n, length, width], read after a picture."""


class Blip2Body:
    """BLIP-2: a picture becomes vectors of a Q-Former, which stand before the tokens."""

    opening = ""

    def __init__(self, network: PreTrainedModel, _picture: int | None) -> None:
        """Use a network."""
        self.network: Any = network

    @property
    def vectors(self) -> int:
        """Return the number of query tokens."""
        return int(self.network.config.num_query_tokens)

    @property
    def tower(self) -> nn.Module:
        """Return the vision transformer."""
        found: nn.Module = self.network.vision_model
        return found

    @property
    def connectors(self) -> Sequence[nn.Module | nn.Parameter]:
        """Return the queries, the Q-Former and the projection."""
        return [
            self.network.query_tokens,
            self.network.qformer,
            self.network.language_projection,
        ]

    @property
    def language(self) -> str:
        """Return the name of the language model."""
        return "language_model."

    @property
    def head(self) -> nn.Module:
        """Return the head of the language model."""
        found: nn.Module = self.network.language_model.get_output_embeddings()
        return found

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the projected queries of pictures."""
        network = self.network
        seen = network.vision_model(pixel_values=pixels).last_hidden_state
        queries = network.query_tokens.expand(seen.shape[0], -1, -1)
        read = network.qformer(query_embeds=queries, encoder_hidden_states=seen).last_hidden_state
        found: torch.Tensor = network.language_projection(read)
        return found

    def hidden(self, features: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the last layer's vectors of tokens."""
        model = self.network.language_model.base_model
        embedded = self.network.language_model.get_input_embeddings()(tokens)
        read = torch.cat([features, embedded], dim=1)
        told: torch.Tensor = model(inputs_embeds=read, use_cache=False).last_hidden_state
        return told[:, features.shape[1] :]


class IdeficsBody:
    """Idefics: tokens attend to a picture through gated layers between those of a decoder."""

    opening = f"{AROUND_IMAGE_MARK}{IMAGE_MARK}{AROUND_IMAGE_MARK}"

    def __init__(self, network: PreTrainedModel, picture: int | None) -> None:
        """Use a network; `picture` is the token of a picture. Raises BadData if there is none."""
        self.network: Any = network
        if picture is None:
            raise BadData(f"The base's tokenizer has no token {IMAGE_MARK}; fetch the base again.")
        self._picture = picture

    @property
    def vectors(self) -> int:
        """Return the latents of the resampler, or the patches of a picture and one more."""
        config = self.network.config
        if config.use_resampler:
            return int(config.perceiver_config.resampler_n_latents)
        across = config.vision_config.image_size // config.vision_config.patch_size
        return int(across * across + 1)

    @property
    def tower(self) -> nn.Module:
        """Return the vision transformer."""
        found: nn.Module = self.network.model.vision_model
        return found

    @property
    def connectors(self) -> Sequence[nn.Module | nn.Parameter]:
        """Return the gated layers, and the resampler if there is one."""
        model = self.network.model
        resampler = [model.perceiver_resampler] if self.network.config.use_resampler else []
        return [model.gated_cross_attn_layers, *resampler]

    @property
    def language(self) -> str:
        """Return the name of the decoder's layers."""
        return "model.layers."

    @property
    def head(self) -> nn.Module:
        """Return the head."""
        found: nn.Module = self.network.lm_head
        return found

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the resampled vectors of pictures."""
        model = self.network.model
        seen: torch.Tensor = model.vision_model(pixel_values=pixels).last_hidden_state
        if self.network.config.use_resampler:
            seen = model.perceiver_resampler(seen)
        return seen

    def hidden(self, features: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the last layer's vectors of tokens."""
        resampled = self.network.config.use_resampler
        given = {"perceiver_embeddings" if resampled else "image_encoder_embeddings": features}
        # A token attends to the picture from that picture's own token on.
        seen = ((tokens == self._picture).cumsum(1) > 0).long()
        told: torch.Tensor = self.network.model(
            input_ids=tokens, image_attention_mask=seen[:, :, None], use_cache=False, **given
        ).last_hidden_state
        return told


BODIES: Mapping[str, type[Blip2Body] | type[IdeficsBody]] = {
    "blip-2": Blip2Body,
    "idefics": IdeficsBody,
}
