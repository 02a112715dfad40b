"""The graph by which a decoder writes: new tokens with the keys and values of those before.

tokens       int64 [count, length]
past_keys    float [layers, count, heads, past, head_size], `past` 0 at the beginning
past_values  as past_keys
logits       float [count, length, vocabulary], of the token after each
keys, values as past_keys, with past + length positions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from transformers import DynamicCache, LlamaForCausalLM

from models.common import seeds
from models.common.family import Constant, Graph
from models.common.text import END
from models.networks.decoder_settings import DecoderSettings

NAME = "decoder"
_PLACE = 2**31 + 2
_PAST, _LENGTH = 5, 3


class Decoding(nn.Module):
    """One call of the decoder, in tensors alone."""

    def __init__(self, network: LlamaForCausalLM) -> None:
        """Take the decoder; it is not copied."""
        super().__init__()
        self._network = network

    def forward(
        self, tokens: torch.Tensor, past_keys: torch.Tensor, past_values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return logits, keys and values."""
        cache = DynamicCache()
        for layer in range(past_keys.shape[0]):
            cache.update(past_keys[layer], past_values[layer], layer)
        past, length = past_keys.shape[3], tokens.shape[1]
        places = torch.arange(past + length)
        hidden = places[None, :] > places[past:, None]
        mask = torch.zeros(1, 1, length, past + length).masked_fill(hidden, torch.finfo().min)
        told = self._network(
            input_ids=tokens,
            attention_mask=mask.expand(tokens.shape[0], 1, length, past + length),
            position_ids=places[None, past:],
            cache=cache,
            use_cache=True,
        )
        keys = torch.stack([layer.keys for layer in cache.layers])
        values = torch.stack([layer.values for layer in cache.layers])
        return told.logits, keys, values


def graphs(network: LlamaForCausalLM, settings: DecoderSettings) -> Mapping[str, Graph]:
    """Return the graph. Counts, lengths and pasts may vary."""
    stream = seeds.generator(settings.seed, _PLACE)

    def inputs(count: int, length: int, past: int) -> Sequence[torch.Tensor]:
        size = settings.width // settings.heads
        shape = (settings.layers, count, settings.heads, past, size)
        tokens = torch.randint(settings.vocabulary, (count, length), generator=stream)
        return tokens, *(torch.randn(shape, generator=stream) for _ in range(2))

    axes = {1: "count", 3: "past"}
    return {
        NAME: Graph(
            Decoding(network),
            inputs=("tokens", "past_keys", "past_values"),
            outputs=("logits", "keys", "values"),
            examples=inputs(2, _LENGTH, _PAST),
            trial=inputs(3, 7, 11),
            varying={
                "tokens": {0: "count", 1: "length"},
                "past_keys": axes,
                "past_values": axes,
            },
        )
    }


def constants(settings: DecoderSettings, prefix: int = 0) -> Mapping[str, Constant]:
    """Return what a server has to know: the shape of keys and values, how texts end, and how many
    tokens after the vocabulary's go before every prompt.
    """
    return {
        "vocabulary": settings.vocabulary,
        "context": settings.context,
        "layers": settings.layers,
        "heads": settings.heads,
        "head_size": settings.width // settings.heads,
        "end": END,
        "prefix": prefix,
    }
