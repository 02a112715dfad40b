"""The networks of bases that see and begin anew: a small BLIP-2, or a small Idefics."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer
from torch import nn
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    IdeficsConfig,
    IdeficsForVisionText2Text,
    PreTrainedModel,
)

from models.pull.new_bases import END, PAD, START, NewBase

_WIDER = 2
_QUERY_STD = 0.5
"""Queries that are alike, as transformers begins them, would see the same for ever."""


def new_vision_language(sizes: NewBase, tokenizer: Tokenizer) -> PreTrainedModel:
    """Return a network of these sizes; weights are drawn from torch's global stream."""
    marks = {
        f"{name}_token_id": tokenizer.token_to_id(mark)
        for name, mark in (("pad", PAD), ("bos", START), ("eos", END))
    }
    text: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": sizes.width,
        "intermediate_size": _WIDER * sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "max_position_embeddings": sizes.positions,
        **marks,
    }
    seen = {
        "image_size": sizes.side,
        "patch_size": sizes.patch,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": _WIDER * sizes.width,
    }
    return (
        _idefics(sizes, text, seen) if sizes.model_type == "idefics" else _blip2(sizes, text, seen)
    )


def _blip2(sizes: NewBase, text: dict[str, Any], seen: dict[str, Any]) -> PreTrainedModel:
    former = {
        "vocab_size": 8,  # of words that a Q-Former could read; it reads none here
        "hidden_size": sizes.width,
        "intermediate_size": _WIDER * sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "cross_attention_frequency": 1,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    network = Blip2ForConditionalGeneration(
        Blip2Config(
            vision_config={**seen, "hidden_size": sizes.width, "initializer_range": 0.02},
            qformer_config=former,
            text_config={**text, "model_type": "llama", "num_key_value_heads": sizes.heads},
            num_query_tokens=sizes.vectors,
        )
    )
    nn.init.normal_(network.query_tokens, std=_QUERY_STD)
    return network


def _idefics(sizes: NewBase, text: dict[str, Any], seen: dict[str, Any]) -> PreTrainedModel:
    return IdeficsForVisionText2Text(
        IdeficsConfig(
            **text,
            vision_config={**seen, "embed_dim": sizes.width},
            perceiver_config={
                "use_resampler": True,
                "resampler_n_latents": sizes.vectors,
                "resampler_depth": 1,
                "resampler_n_heads": sizes.heads,
                "resampler_head_dim": sizes.width // sizes.heads,
            },
            use_resampler=True,
            alpha_initializer="ones",  # a gate that is shut would stay so for long
            freeze_text_layers=False,
            freeze_vision_layers=False,
        )
    )
