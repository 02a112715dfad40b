"""EfficientNet-lite as layers that can learn, with the batch normalisations in its convolutions.

https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class BlockKind:
    """A run of like blocks: the first has the stride, and the others add what comes in.

    Inside, there are `widening` times as many channels as come in.
    """

    widening: int
    kernel: int
    stride: int
    width: int
    count: int


LITE0 = (
    BlockKind(1, 3, 1, 16, 1),
    BlockKind(6, 3, 2, 24, 2),
    BlockKind(6, 5, 2, 40, 2),
    BlockKind(6, 3, 2, 80, 3),
    BlockKind(6, 5, 1, 112, 3),
    BlockKind(6, 5, 2, 192, 4),
    BlockKind(6, 3, 1, 320, 1),
)
STEM, FEATURES = 32, 1280
"""The channels of the first convolution, and the numbers that a picture becomes."""


class _Convolution(nn.Conv2d):
    """A convolution that pads as TensorFlow does: what is odd goes to the right and below."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's own name
        pads: list[int] = []
        for size, kernel, stride in zip(
            input.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            lacking = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [lacking // 2, lacking - lacking // 2]
        return super().forward(functional.pad(input, pads))


class _Block(nn.Module):
    """An inverted bottleneck: widen, filter each channel, narrow."""

    def __init__(self, width: int, kind: BlockKind, stride: int) -> None:
        super().__init__()
        inner = width * kind.widening
        self.expand = _Convolution(width, inner, 1) if kind.widening > 1 else None
        self.depthwise = _Convolution(inner, inner, kind.kernel, stride, groups=inner)
        self.project = _Convolution(inner, kind.width, 1)
        self.adds = stride == 1 and width == kind.width

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        inner = value if self.expand is None else functional.relu6(self.expand(value))
        inner = self.project(functional.relu6(self.depthwise(inner)))
        return inner + value if self.adds else inner


class EfficientNetLite(nn.Module):
    """The network up to its features, [n, features], of pictures [n, 3, side, side]."""

    def __init__(
        self, kinds: Sequence[BlockKind] = LITE0, stem: int = STEM, features: int = FEATURES
    ) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.features = features
        self.stem = _Convolution(3, stem, 3, 2)
        self.blocks = nn.ModuleList()
        width = stem
        for kind in kinds:
            for place in range(kind.count):
                self.blocks.append(_Block(width, kind, 1 if place else kind.stride))
                width = kind.width
        self.head = _Convolution(width, features, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return what the last convolution sees, as a mean over the picture."""
        value = functional.relu6(self.stem(pixels))
        for block in self.blocks:
            value = block(value)
        return functional.relu6(self.head(value)).mean((2, 3))
