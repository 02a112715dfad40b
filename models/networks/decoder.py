"""A decoder-only language model, transformers' Llama from a config, and its ONNX graph.

Positions are rotations (RoPE), norms are of root mean squares, perceptrons are gated.
J. Su et al., https://arxiv.org/abs/2104.09864; H. Touvron et al., https://arxiv.org/abs/2302.13971
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from models.data.text import END, PAD
from models.networks.settings import DecoderSettings
from models.training import seeds
from models.training.recipe_code import Constant, Graph

_AT_ONCE = 50


def decoder(settings: DecoderSettings) -> LlamaForCausalLM:
    """Return a new network; its weights are drawn from torch's global stream."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=settings.vocabulary,
            hidden_size=settings.width,
            intermediate_size=settings.inner,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            num_key_value_heads=settings.heads,
            max_position_embeddings=settings.context,
            # safetensors cannot store one tensor under two names.
            tie_word_embeddings=False,
            pad_token_id=PAD,
            bos_token_id=END,
            eos_token_id=END,
        )
    )


def logits(
    network: nn.Module, tokens: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the logits of every next token, [n, length, vocabulary], of tokens [n, length].

    `mask` has 0 where a token is none, as in rows that are filled on the left.
    """
    where = None if mask is None else positions(mask)
    found: torch.Tensor = network(
        input_ids=tokens, attention_mask=mask, position_ids=where, use_cache=False
    ).logits
    return found


def positions(mask: torch.Tensor) -> torch.Tensor:
    """Return token positions in masked rows, [n, length]; the first unmasked has 0."""
    return (mask.cumsum(1) - 1).clamp(min=0)


def log_probabilities(
    network: nn.Module, tokens: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Return log p(token | those before it), in nats, [n, length - 1], of tokens [n, length].

    Entry i is of token i + 1. Callers leave padding out of their sums.
    """
    found = functional.log_softmax(logits(network, tokens[:, :-1], _before(mask)), dim=2)
    return found.gather(2, tokens[:, 1:, None]).squeeze(2)


def _before(mask: torch.Tensor | None) -> torch.Tensor | None:
    return None if mask is None else mask[:, :-1]


@torch.no_grad()
def surprises(network: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """Return the mean -log p(token | earlier ones) in nats, [n], of each row of [n, length]."""
    return torch.cat(
        [-log_probabilities(network, some).mean(dim=1) for some in rows.split(_AT_ONCE)]
    )


@torch.no_grad()
def generate(
    network: nn.Module,
    prompts: torch.Tensor,
    most: int,
    *,
    mask: torch.Tensor | None = None,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Return the continuation of each prompt, [n, at most `most`]; PAD follows END.

    Prompts are [n, length], filled on the left where `mask` has 0. At temperature 0 the likeliest
    token is taken, otherwise one is drawn from softmax(logits / temperature), by `generator` or
    else torch's global stream. Keys and values of what was read are kept.
    """
    seen = torch.ones_like(prompts) if mask is None else mask
    cache, given, where = DynamicCache(), prompts, positions(seen)
    ended = torch.zeros(len(prompts), dtype=torch.bool, device=prompts.device)
    written = []
    for _ in range(most):
        told = network(
            input_ids=given, attention_mask=seen, position_ids=where, cache=cache, use_cache=True
        )
        chosen = choose_tokens(told.logits[:, -1], temperature, generator)
        chosen = torch.where(ended, PAD, chosen)
        written.append(chosen)
        ended = ended | (chosen == END)
        if bool(ended.all()):
            break
        given, where = chosen[:, None], where[:, -1:] + 1
        seen = torch.cat([seen, torch.ones_like(given)], dim=1)
    return torch.stack(written, dim=1)


def choose_tokens(
    scores: torch.Tensor, temperature: float, generator: torch.Generator | None
) -> torch.Tensor:
    """Return a token of each row of logits, [n]: drawn, or the likeliest at temperature 0."""
    if temperature == 0:
        return scores.argmax(dim=1)
    shares = functional.softmax(scores / temperature, dim=1)
    return torch.multinomial(shares, 1, generator=generator).squeeze(1)


DECODER_GRAPH = "decoder"


_EXAMPLES_STREAM = 2**31 + 2


_PAST, _LENGTH = 5, 3


class Decoding(nn.Module):
    """One decoding step with tensors as inputs and outputs only, for export."""

    def __init__(self, network: LlamaForCausalLM) -> None:
        """Wrap a decoder, without a copy."""
        super().__init__()
        self._network = network

    def forward(
        self, tokens: torch.Tensor, past_keys: torch.Tensor, past_values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return logits, keys and values."""
        told, keys, values = decoding_step(self._network, tokens, past_keys, past_values)
        return told.logits, keys, values


def decoding_step(
    model: nn.Module, tokens: torch.Tensor, past_keys: torch.Tensor, past_values: torch.Tensor
) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """Run a decoder of transformers on tokens [n, length] after those of the cache.

    Keys and values are [layers, n, heads, past, size]. Returns what the model gives, and the keys
    and values of all tokens. The mask is explicit, so that a traced graph takes any length.
    """
    cache = DynamicCache()
    for layer in range(past_keys.shape[0]):
        cache.update(past_keys[layer], past_values[layer], layer)
    past, length = past_keys.shape[3], tokens.shape[1]
    places = torch.arange(past + length)
    hidden = places[None, :] > places[past:, None]
    mask = torch.zeros(1, 1, length, past + length).masked_fill(hidden, torch.finfo().min)
    found = model(
        input_ids=tokens,
        attention_mask=mask.expand(tokens.shape[0], 1, length, past + length),
        position_ids=places[None, past:],
        cache=cache,
        use_cache=True,
    )
    keys = torch.stack([layer.keys for layer in cache.layers])
    values = torch.stack([layer.values for layer in cache.layers])
    return found, keys, values


def decoder_graphs(network: LlamaForCausalLM, settings: DecoderSettings) -> Mapping[str, Graph]:
    """Return the decoding graph; count, length and past may vary."""
    stream = seeds.generator(settings.seed, _EXAMPLES_STREAM)

    def inputs(count: int, length: int, past: int) -> Sequence[torch.Tensor]:
        size = settings.width // settings.heads
        shape = (settings.layers, count, settings.heads, past, size)
        tokens = torch.randint(settings.vocabulary, (count, length), generator=stream)
        return tokens, *(torch.randn(shape, generator=stream) for _ in range(2))

    axes = {1: "count", 3: "past"}
    return {
        DECODER_GRAPH: Graph(
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


def decoder_constants(settings: DecoderSettings, prefix: int = 0) -> Mapping[str, Constant]:
    """Return the constants that a server needs to decode.

    `prefix` is how many tokens beyond the vocabulary precede every prompt.
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
