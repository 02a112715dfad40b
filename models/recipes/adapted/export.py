"""What serves an adapted model: the graph of the base's kind, merged, and its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.family import Constant, Graph
from models.common.instructions import Instructions
from models.common.text import TOKENIZER
from models.networks import decoding_graph
from models.networks.adapting import Adapted
from models.recipes.adapted.network import prefix
from models.recipes.adapted.parameters import Parameters


def graphs(model: torch.nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph of the merged decoder."""
    assert isinstance(model, Adapted)
    return decoding_graph.graphs(model.merged(), parameters)


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know: also what goes before every prompt."""
    found = decoding_graph.constants(parameters, len(prefix(parameters)))
    return {**found, "way": parameters.way}


def files(data: Instructions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer, which is the base's."""
    return {TOKENIZER: data.file}
