"""The manifest of an exported model, `signature.json`: what its graphs take, give and are worth.

Training writes it and whoever serves the model reads it; neither needs the other. A graph is served
only if its file has the sha256 that stands here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from chalicelib.contracts.base import Contract

FILE = "signature.json"
TEMPLATE_FILE = "chat_template.jinja"
"""The chat template of a model that reads conversations."""
ADAPTER_FILE, PREFIX_FILE = "adapter.onnx_adapter", "prefix.npz"
ADAPTERS = frozenset({ADAPTER_FILE, PREFIX_FILE})
"""Files with what was tuned beside the weights of a graph: matrices for its optional inputs, and
keys and values that stand before every prompt.
"""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TensorSpec(Contract):
    """A tensor that a graph takes or gives. A text among the sizes names one that may vary."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


class GraphSpec(Contract):
    """One ONNX file. `parity` is the most that an output differed from the network's own.

    `weights` are the sha256s of the files beside it that have its weights, by name: a file of
    protobuf ends at 2 GB.
    """

    file: str
    sha256: Sha256
    weights: Mapping[str, Sha256] = {}
    size: Annotated[int, Field(ge=1)]
    opset: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parity: float

    @property
    def content_sha256(self) -> str:
        """The sha256 of a graph together with the weights beside it.

        The file alone does not tell two graphs apart whose weights lie in files of their own.
        """
        if not self.weights:
            return self.sha256
        parts = [self.sha256, *(f"{name} {each}" for name, each in sorted(self.weights.items()))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class GateBounds(Contract):
    """The bounds that a number of the evaluation had to reach, beside those of the recipe."""

    least: float | None = None
    most: float | None = None


class ModelOrigin(Contract):
    """Of what and how a model was made. `data`, `code` and `bases`, the weights of the models that
    it began from by their channels, are sha256s. `unapproved_bases` are the reasons for which it
    should not have begun from one of them, and did because its user overrode them. `own_data` tells
    a user's data from the recipe's, `tenant` is the tenant whose data it learned from, if any, and
    `asked_gates` are the gates that its user asked for.
    """

    recipe: str
    preset: str
    seed: int
    steps: int
    own_data: bool = False
    tenant: str = ""
    asked_gates: Mapping[str, GateBounds] = {}
    data: Sha256
    code: Sha256
    bases: Mapping[str, Sha256] = {}
    unapproved_bases: tuple[str, ...] = ()
    torch: str
    device: str


class Signature(Contract):
    """An exported model. `constants` are what a server needs beside the graphs, such as the size of
    what it draws or the schedule of a diffusion; `files` are the sha256s of what else it needs,
    such as a tokenizer; `metrics` are of its evaluation.
    """

    name: str
    family: str
    licence: str
    graphs: Mapping[str, GraphSpec]
    constants: Mapping[str, int | float | str | bool | tuple[float, ...] | tuple[str, ...]]
    files: Mapping[str, Sha256] = {}
    metrics: Mapping[str, float]
    origin: ModelOrigin

    @property
    def hashes(self) -> Mapping[str, str]:
        """The sha256 of every file that whoever serves the model needs, by name."""
        found: dict[str, str] = {}
        for graph in self.graphs.values():
            found |= {graph.file: graph.sha256, **graph.weights}
        return {**found, **self.files}
