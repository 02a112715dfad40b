"""EfficientNet-lite0 without torch, held to torch: the reading of its file, and the network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional

from models.pull.efficientnet import CLASSES, SIDE, efficientnet_lite0
from models.pull.torch_files import NotTorch, read_tensors

EPSILON = 1e-3
KINDS = (
    *((1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80)),
    *((3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320)),
)
"""Of the paper's blocks: how many, the side of the filters, the first stride, the channels."""


def _convolution(
    name: str, norm: str, out: int, into: int, side: int
) -> Iterator[tuple[str, torch.Tensor]]:
    fan = into * side * side
    yield f"{name}.weight", torch.randn(out, into, side, side) * (2 / fan) ** 0.5
    yield f"{norm}.weight", 1 + 0.2 * torch.randn(out)
    yield f"{norm}.bias", 0.2 * torch.randn(out)
    yield f"{norm}.running_mean", 0.2 * torch.randn(out)
    yield f"{norm}.running_var", 0.5 + torch.rand(out)
    yield f"{norm}.num_batches_tracked", torch.tensor(7)


def _weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    made = dict(_convolution("_conv_stem", "_bn0", 32, 3, 3))
    number, channels = 0, 32
    for count, side, _, out in KINDS:
        for _ in range(count):
            block, inner = f"_blocks.{number}.", channels * (6 if number else 1)
            if number:
                made |= _convolution(block + "_expand_conv", block + "_bn0", inner, channels, 1)
            made |= _convolution(block + "_depthwise_conv", block + "_bn1", inner, 1, side)
            made |= _convolution(block + "_project_conv", block + "_bn2", out, inner, 1)
            number, channels = number + 1, out
    made |= _convolution("_conv_head", "_bn1", 1280, 320, 1)
    made["_fc.weight"], made["_fc.bias"] = torch.randn(CLASSES, 1280) * 0.05, torch.randn(CLASSES)
    made["_conv_stem.weight"] = made["_conv_stem.weight"].permute(0, 1, 3, 2)  # lies across
    return made


def _step(
    value: torch.Tensor, weights: dict[str, torch.Tensor], name: str, norm: str, stride: int = 1
) -> torch.Tensor:
    """Pad as TensorFlow does, convolve, normalise."""
    filters = weights[f"{name}.weight"]
    side = filters.shape[-1]
    size = value.shape[-1]
    missing = max(0, (-(-size // stride) - 1) * stride + side - size)
    value = functional.pad(value, [missing // 2, missing - missing // 2] * 2)
    groups = filters.shape[0] if filters.shape[1] == 1 else 1
    value = functional.conv2d(value, filters, stride=stride, groups=groups)
    kept = [weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return functional.batch_norm(value, *kept, eps=EPSILON)


def _reference(pictures: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    value = functional.relu6(_step(pictures, weights, "_conv_stem", "_bn0", 2))
    number = 0
    for count, _, first, _ in KINDS:
        for place in range(count):
            block, before = f"_blocks.{number}.", value
            if number:
                value = _step(value, weights, block + "_expand_conv", block + "_bn0")
                value = functional.relu6(value)
            stride = 1 if place else first
            value = _step(value, weights, block + "_depthwise_conv", block + "_bn1", stride)
            value = functional.relu6(value)
            value = _step(value, weights, block + "_project_conv", block + "_bn2")
            value = value + before if place else value
            number += 1
    value = functional.relu6(_step(value, weights, "_conv_head", "_bn1")).mean((2, 3))
    return torch.softmax(value @ weights["_fc.weight"].T + weights["_fc.bias"], 1)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return _weights()


@pytest.fixture(scope="module")
def source(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.save(weights, folder / "weights.pth", _use_new_zipfile_serialization=False)
    return folder


def test_tensors_are_read_as_torch_wrote_them(
    source: Path, weights: dict[str, torch.Tensor]
) -> None:
    found = read_tensors(source / "weights.pth")
    assert found.keys() == weights.keys()
    for name, tensor in weights.items():
        np.testing.assert_array_equal(found[name], tensor.numpy(), err_msg=name)


def test_the_network_answers_as_torch_s_does(
    source: Path, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    efficientnet_lite0(source, tmp_path)
    session = onnxruntime.InferenceSession(
        str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    pictures = torch.randn(2, 3, SIDE, SIDE)
    (found,) = session.run(["shares"], {"pictures": pictures.numpy()})
    expected = _reference(pictures, weights).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    assert expected.std() > 1e-4, "the shares differ, so they can be told apart"


def test_the_same_weights_make_the_same_bytes(source: Path, tmp_path: Path) -> None:
    made = []
    for name in "ab":
        (tmp_path / name).mkdir()
        efficientnet_lite0(source, tmp_path / name)
        made.append((tmp_path / name / "model.onnx").read_bytes())
    assert made[0] == made[1]


def test_a_file_of_another_kind_of_torch_s_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "new.pth")
    with pytest.raises(NotTorch):
        read_tensors(tmp_path / "new.pth")
    half = {"a": torch.zeros(2, dtype=torch.float16)}
    torch.save(half, tmp_path / "half.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(NotTorch, match=r"torch\.HalfStorage"):
        read_tensors(tmp_path / "half.pth")
