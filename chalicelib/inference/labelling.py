"""What is seen in a picture, of the 1,000 classes of ImageNet, by EfficientNet-lite0.

Pictures go in as the network was trained on them: the middle, seven eighths of the shorter side,
as 224 by 224 pixels.
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.pictures import Label, PictureType
from chalicelib.errors import ModelFailure
from chalicelib.inference.picture_files import opened
from chalicelib.inference.session import open_session, pulled

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from PIL import Image

MODEL = "efficientnet-lite0"
MOST_LABELS = 10
LEAST_SHARE = 0.01
"""Of a label that is told, beside the likeliest one."""
_FILE = "model.onnx"
_NAMES = "imagenet_labels.txt"
"""A class a line, in the order of the network: the first two words of its synset in WordNet 3.0."""
_SIDE, _SHARE = 224, 224 / 256
_MEAN, _SCALE = 127.0, 128.0
_PLACES = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen in a picture, the likeliest first, and what its file is."""

    labels: tuple[Label, ...]
    media_type: PictureType
    frames: int


class PictureLabeller:
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

    @cached_property
    def _names(self) -> list[str]:
        return Path(__file__).with_name(_NAMES).read_text(encoding="utf-8").splitlines()

    def see(self, data: bytes) -> Seen:
        """Return what is seen in the picture that `data` encodes.

        Raises:
            InvalidInput: it is damaged or too large.
            Unsupported: it is no picture of a kind that is read.
            ModelFailure: the model could not be opened or run.
        """
        found = opened(data, side=_SIDE, share=_SHARE)
        session = self._session
        try:
            (shares,) = session.run(None, {"pictures": prepared(found.picture)})
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{MODEL} failed: {error}") from error
        return Seen(self._labels(np.asarray(shares)[0]), found.media_type, found.frames)

    def _labels(self, shares: NDArray[np.float32]) -> tuple[Label, ...]:
        best = np.argsort(-shares, kind="stable")[:MOST_LABELS]
        kept = [at for at in best if shares[at] >= LEAST_SHARE] or [best[0]]
        return tuple(
            Label(name=self._names[at], share=min(1.0, round(float(shares[at]), _PLACES)))
            for at in kept
        )


def prepared(picture: Image.Image) -> NDArray[np.float32]:
    """Return a picture of 224 by 224 pixels as the network takes it, an array (1, 3, 224, 224)."""
    pixels = (np.asarray(picture, np.float32) - _MEAN) / _SCALE
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
