"""The graph, constants and files by which a tuned encoder is served."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.data.text import TOKENIZER
from models.networks.encoder import EncoderClassifier, SentenceEncoder
from models.networks.settings import EncoderSettings
from models.training import seeds
from models.training.recipe_code import Constant, Graph

_EXAMPLES_STREAM = 2**31 + 5
_PAD_OF_TRIALS, _TOKENS_OF_TRIALS = 0, 64
"""Tokens of rows by which graphs are traced and tried; every vocabulary has them."""


def token_graph(module: nn.Module, output: str, settings: EncoderSettings) -> Graph:
    """Return a graph of tokens and a mask, [count, length] each, both of which may vary."""
    pad, vocabulary = _PAD_OF_TRIALS, _TOKENS_OF_TRIALS

    def rows(count: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        stream = seeds.generator(settings.seed, _EXAMPLES_STREAM, count)
        tokens = torch.randint(1, vocabulary, (count, length), generator=stream)
        sizes = torch.randint(2, length + 1, (count,), generator=stream)
        sizes[0] = length
        mask = (torch.arange(length)[None] < sizes[:, None]).long()
        return torch.where(mask == 1, tokens, pad), mask

    sizes = {0: "count", 1: "length"}
    return Graph(
        module,
        inputs=("tokens", "mask"),
        outputs=(output,),
        examples=rows(2, 6),
        trial=rows(3, settings.max_tokens),
        varying={"tokens": sizes, "mask": sizes},
        most={"length": settings.max_tokens},
    )


def reading_constants(network: EncoderClassifier | SentenceEncoder) -> Mapping[str, Constant]:
    """Return the base's name, the token that pads, and the most tokens of a text."""
    return {
        "base": network.base.record.name,
        "pad": network.encoder.pad,
        "context": network.encoder.settings.max_tokens,
    }


def tokenizer_file(network: nn.Module) -> Mapping[str, bytes]:
    """Return the tokenizer of an encoder's base, by its file's name."""
    assert isinstance(network, EncoderClassifier | SentenceEncoder)
    return {TOKENIZER: (network.base.folder / TOKENIZER).read_bytes()}
