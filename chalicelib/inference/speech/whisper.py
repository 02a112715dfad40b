"""Whisper's two ONNX graphs, and the tokens that they speak in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import ModelFailure
from chalicelib.inference.session import open_session, pulled_folder
from chalicelib.inference.speech.mel import Floats, Samples, log_mel
from chalicelib.inference.speech.tokens import WhisperTokens

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "whisper-base"
_FILES = (
    *("encoder.onnx", "encoder.onnx_data", "decoder.onnx", "decoder.onnx_data"),
    *("tokenizer.json", "settings.json"),
)
_HEADS, _HEAD_SIZE = 1, 3
"""Axes of keys and values."""
_MELS = 1

Arrays = Mapping[str, Floats]


@dataclass(slots=True)
class DecoderState:
    """The keys and values that a decoder attends to: of the sound, and of the tokens so far."""

    sound: Arrays
    past: Arrays


@dataclass(frozen=True, slots=True)
class DecoderOutput:
    """Logits of the tokens' successors, (n, vocabulary), and shares of attention to the sound.

    `alignment` is (alignment heads, n, frames of 20 ms).
    """

    logits: Floats
    alignment: Floats


class WhisperModel:
    """A Whisper in a folder; its sessions are opened at the first sound."""

    def __init__(self, folder: Path) -> None:
        """Use the files in `folder`."""
        self._folder = folder

    @classmethod
    def open(cls, models_dir: Path | str, name: str = MODEL) -> Self:
        """Return the model `name` in `models_dir`. Raises `ModelFailure` if it is not there."""
        try:
            return cls(pulled_folder(models_dir, name, *_FILES))
        except ModelFailure as error:
            if name == MODEL:
                raise
            raise ModelFailure(
                f"{name} is not built into this stage: {error.message} On AWS it must be an entry"
                " of served.json when the stage is packaged, and bundles of Lambda hold"
                f" whisper-tiny and {MODEL} alone."
            ) from error

    @cached_property
    def tokens(self) -> WhisperTokens:
        """The model's tokens."""
        return WhisperTokens(self._folder / "tokenizer.json")

    @cached_property
    def suppressed(self) -> Sequence[int]:
        """The tokens that are never said: marks, and signs that stand for noises."""
        written = json.loads((self._folder / "settings.json").read_bytes())
        return tuple(written["suppressed"])

    @cached_property
    def context(self) -> int:
        """The most tokens of a window, marks included."""
        return int(json.loads((self._folder / "settings.json").read_bytes())["context"])

    @cached_property
    def _encoder(self) -> InferenceSession:
        return open_session(self._folder / "encoder.onnx")

    @cached_property
    def _decoder(self) -> InferenceSession:
        return open_session(self._folder / "decoder.onnx")

    @cached_property
    def _no_past(self) -> Arrays:
        """The keys and values of no tokens."""
        return {
            each.name: np.zeros((1, each.shape[_HEADS], 0, each.shape[_HEAD_SIZE]), np.float32)
            for each in self._decoder.get_inputs()
            if each.name.startswith("past_")
        }

    def encode(self, samples: Samples) -> DecoderState:
        """Return the state of a decoder that has heard up to 30 s of sound and said nothing.

        Raises:
            ModelFailure: the model could not be opened or run.
        """
        (taken,) = self._encoder.get_inputs()
        sound = self._run(self._encoder, {taken.name: log_mel(samples, taken.shape[_MELS])})
        return DecoderState(sound, self._no_past)

    def decode(self, state: DecoderState, tokens: Sequence[int]) -> DecoderOutput:
        """Say `tokens` after those before, and return what may follow each; `state` moves on.

        Raises:
            ModelFailure: the model could not be opened or run.
        """
        given: dict[str, NDArray[Any]] = {"tokens": np.array([tokens], np.int64)}
        given.update(state.past)
        given.update(state.sound)
        found = self._run(self._decoder, given)
        state.past = {
            name.replace("present_", "past_", 1): values
            for name, values in found.items()
            if name.startswith("present_")
        }
        return DecoderOutput(found["logits"][0], found["alignment"][0])

    def _run(
        self, session: InferenceSession, given: Mapping[str, NDArray[Any]]
    ) -> dict[str, Floats]:
        names = [each.name for each in session.get_outputs()]
        try:
            return dict(zip(names, session.run(names, dict(given)), strict=True))
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._folder.name} failed: {error}") from error
