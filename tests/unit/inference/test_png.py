from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from chalicelib.inference.pixels import encode_png

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from((1, 3)))


@given(arrays(np.uint8, SHAPES))
def test_should_be_read_by_others_as_the_same_pixels(pixels: np.ndarray) -> None:
    with Image.open(io.BytesIO(encode_png(pixels))) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.mode == ("L" if pixels.shape[2] == 1 else "RGB")
        assert np.array_equal(np.asarray(picture).reshape(pixels.shape), pixels)


def test_should_refuse_pixels_of_other_samples() -> None:
    with pytest.raises(ValueError, match="2 samples; 1 or 3"):
        encode_png(np.zeros((1, 1, 2), np.uint8))
