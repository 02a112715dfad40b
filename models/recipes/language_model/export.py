"""What serves the language model: its decoding graph and its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping

from models.common.text import TOKENIZER, Text
from models.networks.decoding_graph import constants, graphs
from models.recipes.language_model.parameters import Parameters

__all__ = ["constants", "files", "graphs"]


def files(data: Text, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    return {TOKENIZER: data.file}
