"""The graph of an aligned policy: that of any decoder. Reference, reward and value stay behind."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.common.family import Constant, Graph
from models.networks import decoding_graph
from models.recipes.aligned.network import Aligned
from models.recipes.aligned.parameters import Parameters


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph of the policy."""
    assert isinstance(network, Aligned)
    return decoding_graph.graphs(network.policy, parameters)


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know."""
    return decoding_graph.constants(parameters)
