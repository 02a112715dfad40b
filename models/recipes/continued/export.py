"""What serves the model: a graph and a tokenizer such as its base's."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.domains import Domains
from models.common.family import Constant, Graph
from models.common.text import TOKENIZER
from models.networks import decoding_graph
from models.networks.adapting import Adapted
from models.recipes.continued.parameters import Parameters


def graphs(model: torch.nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the decoder's graph."""
    assert isinstance(model, Adapted)
    return decoding_graph.graphs(model.merged(), parameters)


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know."""
    return decoding_graph.constants(parameters)


def files(data: Domains, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer, which is the base's."""
    return {TOKENIZER: data.new.file}
