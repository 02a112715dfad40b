"""The sizes of Whispers, and what each takes in 8 bits. Pure.

https://github.com/openai/whisper/blob/v20240930/model-card.md;
https://huggingface.co/openai/whisper-large-v3/blob/main/config.json
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.pull.block_weights import BLOCK

_FLOAT = 4
_WIDER = 4
"""Width of the middle of a feed-forward layer, in widths."""
_TAPS = 3
"""Frames that a convolution sees."""


@dataclass(frozen=True, slots=True)
class WhisperSize:
    """The sizes of a Whisper: layers of encoder and decoder, width, mels, tokens."""

    encoder_layers: int
    decoder_layers: int
    width: int
    mels: int = 80
    vocabulary: int = 51_865
    frames: int = 1_500
    context: int = 448

    @property
    def int8_bytes(self) -> int:
        """Return the bytes of the weights of both graphs, as the recipe `whisper-int8` writes them.

        Matrices have a byte a value and a scale for each block of them; what is no matrix, and the
        two convolutions, are in single precision. Keys have no bias.
        """
        return self._encoder() + self._decoder()

    def _encoder(self) -> int:
        width = self.width
        convolutions = (self.mels + width) * width * _TAPS + 2 * width
        layer = self._attention() + self._forward()
        cross = 2 * self._matrix(width, width) + _FLOAT * width
        ends = _FLOAT * (convolutions + self.frames * width + 2 * width)
        return ends + self.encoder_layers * layer + self.decoder_layers * cross

    def _decoder(self) -> int:
        width = self.width
        sound = 2 * self._matrix(width, width) + _FLOAT * (2 * width + 2 * width)
        layer = self._attention() + sound + self._forward()
        ends = _FLOAT * (self.context * width + 2 * width)
        return self._matrix(width, self.vocabulary) + ends + self.decoder_layers * layer

    def _attention(self) -> int:
        """Return the bytes of four matrices, three biases, and the norm before them."""
        width = self.width
        return 4 * self._matrix(width, width) + _FLOAT * (3 * width + 2 * width)

    def _forward(self) -> int:
        """Return the bytes of two matrices with their biases, and the norm before them."""
        width, middle = self.width, _WIDER * self.width
        return 2 * self._matrix(width, middle) + _FLOAT * (middle + width + 2 * width)

    @staticmethod
    def _matrix(rows: int, columns: int) -> int:
        return rows * columns + rows // BLOCK * columns * _FLOAT


SIZES: Mapping[str, WhisperSize] = {
    "whisper-tiny": WhisperSize(4, 4, 384),
    "whisper-base": WhisperSize(6, 6, 512),
    "whisper-small": WhisperSize(12, 12, 768),
    "whisper-medium": WhisperSize(24, 24, 1_024),
    "whisper-large-v3": WhisperSize(32, 32, 1_280, mels=128, vocabulary=51_866),
}
