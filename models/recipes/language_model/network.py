"""The language model's network: the decoder that several recipes share."""

from __future__ import annotations

from transformers import LlamaForCausalLM

from models.networks.decoder import decoder
from models.recipes.language_model.parameters import Parameters


def network(parameters: Parameters) -> LlamaForCausalLM:
    """Return a new decoder; its weights are drawn from torch's global stream."""
    return decoder(parameters)
