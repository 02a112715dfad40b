"""Weights of small Whispers, as CTranslate2 names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[Any]


@dataclass(frozen=True, slots=True)
class WhisperSize:
    """The sizes of a Whisper: widths in numbers, frames and context in positions."""

    width: int
    heads: int
    mels: int
    frames: int
    context: int
    encoder_layers: int
    decoder_layers: int


def whisper_weights(
    size: WhisperSize, random: Callable[..., Weights], embeddings: Weights, gamma: float = 0.0
) -> dict[str, Weights]:
    """Return the weights of a Whisper: `random` draws a shape, and norms scale by `gamma` more."""
    width = size.width
    found: dict[str, Weights] = {
        "decoder/num_heads": np.array(size.heads, np.int16),
        "decoder/embeddings/weight": embeddings,
        "decoder/position_encodings/encodings": random(size.context, width),
        "encoder/position_encodings/encodings": random(size.frames, width),
        "encoder/conv1/weight": random(width, size.mels, 3),
        "encoder/conv1/bias": random(width),
        "encoder/conv2/weight": random(width, width, 3),
        "encoder/conv2/bias": random(width),
    }

    def norm(name: str) -> None:
        drawn = random(width)
        found[f"{name}/gamma"] = (drawn + gamma).astype(drawn.dtype)
        found[f"{name}/beta"] = random(width)

    def linear(name: str, rows: int, columns: int = width) -> None:
        found[f"{name}/weight"], found[f"{name}/bias"] = random(rows, columns), random(rows)

    for side, layers in (("encoder", size.encoder_layers), ("decoder", size.decoder_layers)):
        norm(f"{side}/layer_norm")
        for layer in range(layers):
            name = f"{side}/layer_{layer}"
            norm(f"{name}/self_attention/layer_norm")
            linear(f"{name}/self_attention/linear_0", 3 * width)
            linear(f"{name}/self_attention/linear_1", width)
            norm(f"{name}/ffn/layer_norm")
            linear(f"{name}/ffn/linear_0", 4 * width)
            linear(f"{name}/ffn/linear_1", width, 4 * width)
            if side == "decoder":
                norm(f"{name}/attention/layer_norm")
                linear(f"{name}/attention/linear_0", width)
                linear(f"{name}/attention/linear_1", 2 * width)
                linear(f"{name}/attention/linear_2", width)
    return found
