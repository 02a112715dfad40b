"""Builder of ONNX graphs: nodes and constants added one after another, each by its name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

MICROSOFT = "com.microsoft"
"""The domain of onnxruntime's own operators.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""


@dataclass(slots=True)
class GraphBuilder:
    """An ONNX graph under construction; steps take and return names of values."""

    nodes: list[onnx.NodeProto] = field(default_factory=list, kw_only=True)
    kept: list[onnx.TensorProto] = field(default_factory=list, kw_only=True)

    def step(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        made = name or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [made], f"node_{made}", **attributes))
        return made

    def keep(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant; return its name."""
        self.kept.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def integers(self, name: str, *values: int) -> str:
        """Add a constant of whole numbers, (n,); return its name."""
        return self.keep(name, np.array(values, np.int64))
