from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from models.pull.mpnet import distance_buckets, mpnet_int8, network
from models.pull.sentence_graph import pooled

WIDTH, WIDER, HEADS, TOKENS = 128, 256, 2, 40

Tensors = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def weights() -> Tensors:
    """Return random weights of a network of two layers."""
    generator = np.random.default_rng(7)

    def some(*shape: int) -> NDArray[np.float32]:
        return generator.normal(0, 0.2, shape).astype(np.float32)

    made = {
        "embeddings.word_embeddings.weight": some(TOKENS, WIDTH),
        "embeddings.position_embeddings.weight": some(514, WIDTH),
        "encoder.relative_attention_bias.weight": some(32, HEADS),
    }
    maps = {"attention.attn.q": (WIDTH, WIDTH), "attention.attn.k": (WIDTH, WIDTH)}
    maps |= {"attention.attn.v": (WIDTH, WIDTH), "attention.attn.o": (WIDTH, WIDTH)}
    maps |= {"intermediate.dense": (WIDER, WIDTH), "output.dense": (WIDTH, WIDER)}
    norms = ["embeddings.LayerNorm"]
    for number in range(2):
        layer = f"encoder.layer.{number}."
        norms += [f"{layer}attention.LayerNorm", f"{layer}output.LayerNorm"]
        for name, shape in maps.items():
            made[f"{layer}{name}.weight"], made[f"{layer}{name}.bias"] = (
                some(*shape),
                some(shape[0]),
            )
    for name in norms:
        made[f"{name}.weight"], made[f"{name}.bias"] = 1 + some(WIDTH), some(WIDTH)
    return made


def vector(model: bytes | str, ids: list[int], masked: int = 0) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    mask = np.array([[1] * (len(ids) - masked) + [0] * masked])
    (found,) = session.run(None, {"input_ids": np.array([ids]), "attention_mask": mask})
    row: NDArray[np.float32] = found[0]
    return row


def expected(weights: Tensors, ids: list[int]) -> NDArray[np.float64]:
    """Return the vector of a text by plain arrays, as the network is described."""

    def linear(value: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(value: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        spread = value.var(axis=-1, keepdims=True) + 1e-5
        flat = (value - value.mean(axis=-1, keepdims=True)) / np.sqrt(spread)
        scaled: NDArray[np.float64] = flat * weights[f"{name}.weight"] + weights[f"{name}.bias"]
        return scaled

    def by_head(value: NDArray[np.float64]) -> NDArray[np.float64]:
        return value.reshape(len(ids), HEADS, -1).transpose(1, 0, 2)

    positions = weights["embeddings.position_embeddings.weight"][2 : 2 + len(ids)]
    embedded = weights["embeddings.word_embeddings.weight"][ids].astype(np.float64) + positions
    value = norm(embedded, "embeddings.LayerNorm")
    table = weights["encoder.relative_attention_bias.weight"]
    bias = table[distance_buckets(len(ids))].transpose(2, 0, 1)
    for number in range(2):
        layer = f"encoder.layer.{number}"
        queries, keys, values = (
            by_head(linear(value, f"{layer}.attention.attn.{part}")) for part in "qkv"
        )
        scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(WIDTH / HEADS) + bias
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (shares / shares.sum(axis=-1, keepdims=True)) @ values
        joined = mixed.transpose(1, 0, 2).reshape(len(ids), WIDTH)
        value = norm(
            value + linear(joined, f"{layer}.attention.attn.o"), f"{layer}.attention.LayerNorm"
        )
        wide = linear(value, f"{layer}.intermediate.dense")
        erf = np.vectorize(math.erf)
        wide = wide * 0.5 * (1 + erf(wide / np.sqrt(2)))
        value = norm(value + linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = value.mean(axis=0)
    unit: NDArray[np.float64] = mean / np.linalg.norm(mean)
    return unit


def test_the_network_should_be_as_described_and_leave_out_what_is_masked(weights: Tensors) -> None:
    model = pooled(network(weights)).SerializeToString()
    ids = [0, 5, 9, 9, 30, 12, 2]
    assert vector(model, ids) == pytest.approx(expected(weights, ids), abs=1e-5)
    assert vector(model, [*ids, 1, 1], masked=2) == pytest.approx(vector(model, ids), abs=1e-6)


def test_buckets_should_be_exact_near_by_and_shared_far_away() -> None:
    buckets = distance_buckets(512)
    assert buckets[300, 293:308].tolist() == [7, 6, 5, 4, 3, 2, 1, 0, *range(17, 24)]
    assert (buckets[300, 0], buckets[300, 172], buckets[0, 511]) == (15, 15, 31)


def test_a_conversion_should_be_near_the_network(weights: Tensors, tmp_path: Path) -> None:
    header, body = {}, b""
    for name, values in weights.items():
        raw = values.tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    head = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    with zipfile.ZipFile(source / "archive.zip", "w") as archive:
        content = len(head).to_bytes(8, "little") + head + body
        archive.writestr("all-mpnet-base-v2/model.safetensors", content)
        archive.writestr("all-mpnet-base-v2/tokenizer.json", "{}")
    mpnet_int8(source, target)
    assert sorted(file.name for file in target.iterdir()) == [
        "model.onnx",
        "model.onnx_data",
        "tokenizer.json",
    ]
    ids = [0, 5, 9, 9, 30, 12, 2]
    found = vector(str(target / "model.onnx"), ids)
    assert found @ expected(weights, ids) == pytest.approx(1, abs=0.01)
