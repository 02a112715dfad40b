"""What is asked of a picture and what is told of it, whichever model tells; and the graphs that
such models have: one that reads a picture, and one that says which token is next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from chalicelib.errors import ModelFailure
from chalicelib.inference.exported import Exported
from chalicelib.inference.png import encoded
from chalicelib.inference.scale import Numbers, Scale
from chalicelib.inference.seeing import square

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

VISION, DECODER = "vision", "decoder"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with its answer, which is to show what is asked."""

    picture: bytes
    answer: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a picture; without a question, a caption. `most` bounds the tokens."""

    picture: bytes
    question: str = ""
    shots: tuple[Shown, ...] = ()
    most: int = 64


@dataclass(frozen=True, slots=True)
class Told:
    """What a model tells, and in how many tokens. What it read are tokens of words, and vectors of
    pictures.
    """

    text: str
    finish: Literal["stop", "length"]
    tokens_in: int
    tokens_out: int


class Teller(Protocol):
    """A model that tells something of a picture."""

    def tell(self, asked: Asked) -> Told:
        """Return what it tells.

        Raises:
            InvalidInput: a picture cannot be read, a word is not known, or there are more of them
                than the model takes.
            ModelFailure: the model failed.
        """


class Graphs:
    """The two graphs of a model: `vision` gives vectors of a picture, [1, vectors, width], called
    `output`, and `decoder` takes them and tokens.
    """

    def __init__(self, exported: Exported, output: str) -> None:
        """Open both. Raises `ModelFailure`."""
        self.name = exported.signature.name
        self._output = output
        self._scale = Scale.of(exported)
        self._vocabulary = int(exported.numbers("vocabulary")["vocabulary"])
        self._vision, self._decoder = exported.graph(VISION), exported.graph(DECODER)

    @property
    def black(self) -> bytes:
        """Return a picture to try the model with."""
        side = self._scale.side
        return encoded(np.zeros((side, side, self._scale.channels), np.uint8))

    def see(self, data: bytes, field: str) -> Numbers:
        """Return the vectors of a picture, [1, vectors, width]; raises as `Teller.tell` does."""
        pixels = square(data, self._scale.side, self._scale.channels, field)
        fed = {"image": self._scale.numbers(pixels[None])}
        return self._run(self._vision, self._output, fed)

    def next(self, seen: Numbers, tokens: list[int]) -> int:
        """Return the likeliest token after `tokens`. Raises `ModelFailure`."""
        fed = {self._output: seen, "tokens": np.array([tokens], np.int64)}
        logits = self._run(self._decoder, "logits", fed)
        if logits.shape != (1, self._vocabulary):
            raise ModelFailure(
                f"{self.name} gave logits of {logits.shape}, not of a vocabulary of"
                f" {self._vocabulary}."
            )
        return int(logits[0].argmax())

    def _run(self, session: InferenceSession, output: str, fed: Mapping[str, Any]) -> Numbers:
        try:
            (found,) = session.run([output], dict(fed))
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{self.name} failed: {error}") from error
        numbers = np.asarray(found, np.float32)
        if not np.isfinite(numbers).all():
            raise ModelFailure(f"{self.name} gave what are no numbers.")
        return numbers
