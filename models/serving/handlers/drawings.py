"""A handler that draws by a decoder, by the package's `signature.json` and graphs.

It answers `{"seed": 7, "count": 4}` with `{"images": [...]}`, pixels of 0 to 255 as
[count][height][width][channels]. With `"to_seed"` the pictures walk from the first seed to the
other. No graph is opened whose file does not have the sha256 of the manifest.
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

MOST = 64
_SEEDS = 2**32
_GRAPH, _INPUT, _OUTPUT = "decoder", "latent", "image"


@dataclass(frozen=True, slots=True)
class DrawingModel:
    """A decoder and the manifest's constants: `latent`, `lowest` and `highest`."""

    session: onnxruntime.InferenceSession
    constants: Mapping[str, Any]


def model_fn(model_dir: str) -> DrawingModel:
    """Load the model in `model_dir`. Raises ValueError if its file has another sha256."""
    folder = Path(model_dir)
    signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
    spec = signature["graphs"][_GRAPH]
    content = (folder / spec["file"]).read_bytes()
    if hashlib.sha256(content).hexdigest() != spec["sha256"]:
        raise ValueError(
            f"{spec['file']} is not the file that signature.json names; pack it again."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return DrawingModel(session, signature["constants"])


def predict_fn(data: Any, model: DrawingModel) -> Any:
    """Return the requested pictures. Raises ValueError if the request is invalid."""
    if not isinstance(data, dict):
        raise ValueError("The request must be an object with a seed.")
    latents = _latents(data, int(model.constants["latent"]))
    (drawn,) = model.session.run([_OUTPUT], {_INPUT: latents})
    lowest, highest = float(model.constants["lowest"]), float(model.constants["highest"])
    share = np.clip((drawn - lowest) / (highest - lowest), 0, 1)
    pixels = np.round(share * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return {"images": pixels.tolist()}


def _latents(data: Mapping[str, Any], size: int) -> NDArray[np.float32]:
    seed, count = _whole(data, "seed", 0, _SEEDS - 1), _whole(data, "count", 1, MOST, 1)
    if "to_seed" not in data:
        return np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)
    ends = [
        np.random.default_rng(each).standard_normal(size)
        for each in (seed, _whole(data, "to_seed", 0, _SEEDS - 1))
    ]
    shares = np.linspace(0, 1, count)[:, None]
    return (ends[0] * (1 - shares) + ends[1] * shares).astype(np.float32)


def _whole(data: Mapping[str, Any], name: str, least: int, most: int, usual: int = 0) -> int:
    value = data.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}.")
    return value
