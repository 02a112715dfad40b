"""The shipped base of pictures and texts: EfficientNet-lite0 beside MiniLM.

The names of EfficientNet's classes are embedded by MiniLM, so that its shares of classes are a
place among texts: ConSE, M. Norouzi et al., https://arxiv.org/abs/1312.5650.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from models.bases.architectures import PAIRED_TOWERS
from models.bases.folder import CONFIG, WEIGHTS
from models.failures import OutOfParity
from models.networks.efficientnet import FEATURES, LITE0, STEM
from models.networks.image_text_bases import PairedTowers
from models.pull.efficientnet import CLASSES, SIDE

NAMES = Path(__file__).parents[2] / "chalicelib" / "inference" / "imagenet_labels.txt"
_PROMPT = "a photo of a {}"
_PARITY = 1e-4
_ROWS = 64


def pair_towers(picture_model: Path, text_base: Path, target: Path) -> None:
    """Write the base of a folder with EfficientNet's graph and of the base MiniLM.

    Raises:
        OutOfParity: the layers compute other classes than the graph.
    """
    config = {
        "model_type": PAIRED_TOWERS,
        "vision_config": {
            "image_size": SIDE,
            "stem": STEM,
            "features": FEATURES,
            "classes": CLASSES,
            "blocks": [asdict(kind) for kind in LITE0],
        },
        "text_config": json.loads((text_base / CONFIG).read_text(encoding="utf-8")),
    }
    towers = PairedTowers(config).eval()
    graph = onnx.load(picture_model / "model.onnx").graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    _load_pictures(towers, weights)
    towers.text.load_state_dict(load_file(text_base / WEIGHTS))
    names = NAMES.read_text(encoding="utf-8").splitlines()
    with torch.no_grad():
        towers.class_vectors.copy_(_text_vectors(towers, text_base, names))
    _require_parity(towers, picture_model / "model.onnx")
    new = ("added_image.", "added_text.", "log_scale")
    kept = {
        name: value.contiguous()
        for name, value in towers.state_dict().items()
        if not name.startswith(new)
    }
    save_file(kept, target / WEIGHTS, {"format": "pt"})
    (target / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(text_base / name, target / name)


def _load_pictures(towers: PairedTowers, weights: dict[str, Any]) -> None:
    """Put the graph's constants, which have the batch normalisations in them, into the layers."""
    state: dict[str, torch.Tensor] = {}
    for name, value in weights.items():
        own = name.removeprefix("_").replace("_conv_stem", "stem").replace("conv_stem", "stem")
        own = own.replace("conv_head", "head").replace("fc.", "classes.")
        for part, ours in (
            ("_expand_conv", "expand"),
            ("_depthwise_conv", "depthwise"),
            ("_project_conv", "project"),
        ):
            own = own.replace(part, ours)
        if "." in own:
            state[own] = torch.tensor(value)
    classes = {name: state.pop(f"classes.{name}") for name in ("weight", "bias")}
    towers.image.load_state_dict(state)
    towers.classes.load_state_dict(classes)


def _text_vectors(towers: PairedTowers, base: Path, names: Sequence[str]) -> torch.Tensor:
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=towers.pad)
    found = []
    for first in range(0, len(names), _ROWS):
        read = tokenizer.encode_batch(
            [_PROMPT.format(name) for name in names[first : first + _ROWS]]
        )
        tokens = torch.tensor([each.ids for each in read])
        found.append(
            towers.text_features(tokens, torch.tensor([each.attention_mask for each in read]))
        )
    return torch.cat(found)


def _require_parity(towers: PairedTowers, graph: Path) -> None:
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 3, SIDE, SIDE)).astype(np.float32)
    (wanted,) = session.run(None, {"pictures": pixels})
    with torch.no_grad():
        found = towers.classes(towers.image(torch.from_numpy(pixels))).softmax(1).numpy()
    difference = float(np.abs(found - wanted).max())
    if not difference <= _PARITY:
        raise OutOfParity(
            f"The layers of EfficientNet differ from {graph.name} by {difference:.2g}; at most "
            f"{_PARITY:g} is allowed."
        )
