"""A handler of any exported model, by the package's `signature.json` and graphs.

It speaks the JSON of the Open Inference Protocol: `{"inputs": [{"name", "shape", "datatype",
"data"}]}` is answered by `{"outputs": [...]}` of the same form, data in row-major order. A model
with several graphs is told which by `{"parameters": {"graph": NAME}}`. No graph is opened whose
files do not have the sha256s of the manifest.
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

MAX_NUMBERS = 2**24
"""The most numbers of one input."""

_DATATYPES: Mapping[str, tuple[str, type[np.generic]]] = {
    "float": ("FP32", np.float32),
    "double": ("FP64", np.float64),
    "float16": ("FP16", np.float16),
    "int64": ("INT64", np.int64),
    "int32": ("INT32", np.int32),
    "uint8": ("UINT8", np.uint8),
    "bool": ("BOOL", np.bool_),
}
"""The protocol's name and NumPy's type of each of onnxruntime's."""


@dataclass(frozen=True, slots=True)
class ServedGraphs:
    """Sessions by the names of their graphs, and the manifest's description of each."""

    name: str
    sessions: Mapping[str, onnxruntime.InferenceSession]
    specs: Mapping[str, Any]


def model_fn(model_dir: str) -> ServedGraphs:
    """Open the graphs in `model_dir`. Raises ValueError if a file has another sha256."""
    folder = Path(model_dir)
    signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
    sessions = {}
    for name, spec in signature["graphs"].items():
        for file, sha256 in {spec["file"]: spec["sha256"], **spec.get("weights", {})}.items():
            with (folder / file).open("rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != sha256:
                    raise ValueError(f"{file} is not the file that signature.json names.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        sessions[name] = onnxruntime.InferenceSession(
            str(folder / spec["file"]), options, providers=["CPUExecutionProvider"]
        )
    return ServedGraphs(signature["name"], sessions, signature["graphs"])


def predict_fn(data: Any, model: ServedGraphs) -> Any:
    """Return the outputs of a graph for the request's inputs. Raises ValueError."""
    if not isinstance(data, dict):
        raise ValueError("The request must be an object with inputs.")
    graph = _graph(data, model)
    spec = model.specs[graph]
    given = _by_name(data.get("inputs"))
    wanted = {each["name"]: each for each in spec["inputs"]}
    if given.keys() != wanted.keys():
        raise ValueError(
            f"inputs must be {', '.join(wanted)}; given: {', '.join(given) or 'none'}."
        )
    fed = {name: _tensor(name, each, wanted[name]) for name, each in given.items()}
    names = [each["name"] for each in spec["outputs"]]
    try:
        told = model.sessions[graph].run(names, fed)
    except Exception as error:  # onnxruntime's errors have no narrower base class
        raise ValueError(f"The graph {graph} does not take these inputs: {error}") from error
    described = zip(spec["outputs"], told, strict=True)
    return {
        "model_name": model.name,
        "outputs": [_described(each["name"], each["dtype"], value) for each, value in described],
    }


def _graph(data: Mapping[str, Any], model: ServedGraphs) -> str:
    parameters = data.get("parameters", {})
    named = parameters.get("graph") if isinstance(parameters, dict) else None
    if named is None and len(model.sessions) == 1:
        return next(iter(model.sessions))
    if not isinstance(named, str) or named not in model.sessions:
        raise ValueError(f"parameters.graph must be one of {', '.join(sorted(model.sessions))}.")
    return named


def _by_name(inputs: Any) -> dict[str, Mapping[str, Any]]:
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise ValueError("inputs must be a list of objects with name, shape, datatype and data.")
    return {str(each.get("name")): each for each in inputs}


def _tensor(name: str, given: Mapping[str, Any], spec: Mapping[str, Any]) -> NDArray[Any]:
    datatype, kind = _DATATYPES[spec["dtype"]]
    if given.get("datatype") != datatype:
        raise ValueError(f"{name}: datatype must be {datatype}, not {given.get('datatype')!r}.")
    shape, axes = given.get("shape"), spec["shape"]
    if (
        not isinstance(shape, list)
        or len(shape) != len(axes)
        or not all(type(size) is int and size >= 0 for size in shape)
        or any(type(axis) is int and size != axis for size, axis in zip(shape, axes, strict=True))
    ):
        raise ValueError(f"{name}: shape must be {axes}, not {shape!r}.")
    try:
        found = np.asarray(given.get("data"), dtype=kind).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: data must be numbers of {datatype}: {error}") from error
    count = int(np.prod(shape, dtype=object))
    if count != found.size or count > MAX_NUMBERS:
        raise ValueError(
            f"{name}: the shape {shape} has {count:,} numbers, and data {found.size:,}; "
            f"{MAX_NUMBERS:,} are the most."
        )
    return found.reshape(shape)


def _described(name: str, dtype: str, value: NDArray[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(value.shape),
        "datatype": _DATATYPES[dtype][0],
        "data": value.reshape(-1).tolist(),
    }
