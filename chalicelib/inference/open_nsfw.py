"""Estimation of how likely an image is pornographic, by Yahoo's Open NSFW.

An image is fed as in the network's training: scaled to 256 by 256 pixels, passed once through
JPEG, cropped to the middle 224 by 224, in the channel order blue, green, red, less the mean of each
channel.
https://github.com/yahoo/open_nsfw/blob/a4e13931465f4380742545932657eeea0b1ffbd9/classify_nsfw.py
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.image_files import open_image
from chalicelib.inference.pulled_model import PulledModel

MODEL = "open-nsfw"
_SIDE, _CROPPED = 256, 224
_MEAN = np.array([104.0, 117.0, 123.0], np.float32)


class NsfwClassifier(PulledModel):
    """Open NSFW in a folder; its session is opened at the first image."""

    NAME = MODEL
    FILE = "open_nsfw.onnx"

    def score(self, data: bytes) -> float:
        """Return the probability, 0 to 1, that an encoded image is pornographic.

        Raises:
            InvalidInput: the data is no image, or the image is too large.
            ModelFailure: the model could not be opened or run.
        """
        batch = preprocess(data)[None]
        (output,) = self._run({self._session.get_inputs()[0].name: batch})
        return min(1.0, max(0.0, float(output[0, 1])))


def preprocess(data: bytes) -> NDArray[np.float32]:
    """Return an encoded image as the network's input, an array (224, 224, 3).

    Raises:
        InvalidInput: the data is no image, or the image is too large.
    """
    try:
        with open_image(data, "data", "The picture") as image:
            small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    except Unsupported as error:
        raise InvalidInput(error.message, field="data") from error
    jpeg = io.BytesIO()
    small.save(jpeg, format="JPEG")
    pixels = np.asarray(Image.open(jpeg).convert("RGB"), np.float32)
    edge = (_SIDE - _CROPPED) // 2
    middle = pixels[edge : edge + _CROPPED, edge : edge + _CROPPED, ::-1]
    centred: NDArray[np.float32] = np.ascontiguousarray(middle - _MEAN, np.float32)
    return centred
