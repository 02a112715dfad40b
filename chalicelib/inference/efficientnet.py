"""Labelling of images with the 1,000 classes of ImageNet, by EfficientNet-lite0.

An image is fed as in the network's training: the middle square, seven eighths of the shorter
side, as 224 by 224 pixels.
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.picture_labels import Label, PictureType
from chalicelib.inference.image_files import center_crop
from chalicelib.inference.pulled_model import PulledModel

if TYPE_CHECKING:
    from PIL import Image

MODEL = "efficientnet-lite0"
MAX_LABELS = 10
MIN_SHARE = 0.01
"""Labels that are less likely are left out, except the likeliest one."""
_NAMES = "imagenet_labels.txt"
"""One class name per line, in the order of the network's outputs: the first two words of its synset
in WordNet 3.0.
"""
_SIDE, _SHARE = 224, 224 / 256
_MEAN, _SCALE = 127.0, 128.0
_PLACES = 4


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """The labels of an image, the likeliest first, and the type and frame count of its file."""

    labels: tuple[Label, ...]
    media_type: PictureType
    frames: int


class EfficientNetLabeller(PulledModel):
    """EfficientNet-lite0 in a folder; its session is opened at the first image."""

    NAME = MODEL
    FILE = "model.onnx"

    @cached_property
    def _names(self) -> list[str]:
        return Path(__file__).with_name(_NAMES).read_text(encoding="utf-8").splitlines()

    def label_image(self, data: bytes) -> LabelledImage:
        """Return the labels of an encoded image.

        Raises:
            InvalidInput: the image is damaged or too large.
            Unsupported: it is no image of a supported format.
            ModelFailure: the model could not be opened or run.
        """
        crop = center_crop(data, side=_SIDE, share=_SHARE)
        (probabilities,) = self._run({"pictures": preprocess(crop.image)})
        return LabelledImage(self._labels(probabilities[0]), crop.media_type, crop.frames)

    def _labels(self, shares: NDArray[np.float32]) -> tuple[Label, ...]:
        best = np.argsort(-shares, kind="stable")[:MAX_LABELS]
        chosen = [index for index in best if shares[index] >= MIN_SHARE] or [best[0]]
        return tuple(
            Label(name=self._names[index], share=min(1.0, round(float(shares[index]), _PLACES)))
            for index in chosen
        )


def preprocess(image: Image.Image) -> NDArray[np.float32]:
    """Return an image of 224 by 224 pixels as the network's input, an array (1, 3, 224, 224)."""
    pixels = (np.asarray(image, np.float32) - _MEAN) / _SCALE
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
