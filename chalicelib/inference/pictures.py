"""How likely a picture is pornographic, by Yahoo's Open NSFW.

Pictures go in as the network was trained on them: 256 by 256 pixels, once through JPEG, the middle
224 by 224 of them, blue before green before red, less the mean of each.
https://github.com/yahoo/open_nsfw/blob/a4e13931465f4380742545932657eeea0b1ffbd9/classify_nsfw.py
"""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chalicelib.errors import InvalidInput, ModelFailure, Unsupported
from chalicelib.inference.picture_decoding import decoding
from chalicelib.inference.session import open_session, pulled

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "open-nsfw"
_FILE = "open_nsfw.onnx"
_SIDE, _CROPPED = 256, 224
_MEAN = np.array([104.0, 117.0, 123.0], np.float32)


class PictureReader:
    """The model in a folder; its session is opened at the first picture."""

    def __init__(self, path: Path) -> None:
        """Use the model at `path`."""
        self._path = path

    @classmethod
    def open(cls, models_dir: Path | str) -> Self:
        """Return the model that lies in `models_dir`. Raises `ModelFailure` where it is not."""
        return cls(pulled(models_dir, MODEL, _FILE) / _FILE)

    @cached_property
    def _session(self) -> InferenceSession:
        return open_session(self._path)

    def score(self, data: bytes) -> float:
        """Return how likely the picture that `data` encodes is pornographic, from 0 to 1.

        Raises:
            InvalidInput: it is no picture, or too large.
            ModelFailure: the model could not be opened or run.
        """
        batch = prepared(data)[None]
        session = self._session
        try:
            (found,) = session.run(None, {session.get_inputs()[0].name: batch})
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{MODEL} failed: {error}") from error
        return min(1.0, max(0.0, float(np.asarray(found)[0, 1])))


def prepared(data: bytes) -> NDArray[np.float32]:
    """Return a picture as the network takes it, an array (224, 224, 3).

    Raises:
        InvalidInput: it is no picture, or too large.
    """
    try:
        with decoding(data, "data", "The picture") as picture:
            small = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    except Unsupported as error:
        raise InvalidInput(error.message, field="data") from error
    through = io.BytesIO()
    small.save(through, format="JPEG")
    pixels = np.asarray(Image.open(through).convert("RGB"), np.float32)
    edge = (_SIDE - _CROPPED) // 2
    middle = pixels[edge : edge + _CROPPED, edge : edge + _CROPPED, ::-1]
    ready: NDArray[np.float32] = np.ascontiguousarray(middle - _MEAN, np.float32)
    return ready
