"""Questions, answers and graphs of models that answer in words about images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_files import fit_square
from chalicelib.inference.pixels import Floats, PixelScale, encode_png

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

VISION_GRAPH, DECODER_GRAPH = "vision", "decoder"


@dataclass(frozen=True, slots=True)
class ImageExample:
    """A few-shot example: an image with its answer."""

    image: bytes
    answer: str


@dataclass(frozen=True, slots=True)
class ImageQuestion:
    """A question about an image, in words or by examples; else it asks for a caption."""

    image: bytes
    question: str = ""
    examples: tuple[ImageExample, ...] = ()
    max_tokens: int = 64


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """The answer of a model.

    `tokens_in` counts the tokens of words and the vectors of images that were read, `tokens_out`
    the tokens of the answer. `finish` is `length` if the answer was cut off.
    """

    text: str
    finish: Literal["stop", "length"]
    tokens_in: int
    tokens_out: int


class ImageTextModel(Protocol):
    """A model that answers in words about an image."""

    def answer(self, question: ImageQuestion) -> ImageAnswer:
        """Return the answer to a question.

        Raises:
            InvalidInput: an image cannot be read, a word is not known, or there are more words or
                images than the model takes.
            ModelFailure: the model failed.
        """


class VisionLanguageGraphs:
    """The two graphs of a vision-language model.

    `vision` turns an image into vectors, [1, vectors, width], an output called `vectors_name`.
    `decoder` takes these vectors and tokens, and predicts the next token.
    """

    def __init__(self, exported: ExportedModel, vectors_name: str) -> None:
        """Open both graphs.

        Raises:
            ModelFailure: one is missing, cannot be opened, or the decoder does not take the
                vectors.
        """
        _check_graphs(exported, vectors_name)
        self.name = exported.signature.name
        self._vectors_name = vectors_name
        self._scale = PixelScale.of(exported)
        self._vocabulary_size = int(exported.numbers("vocabulary")["vocabulary"])
        self._vision = exported.graph(VISION_GRAPH)
        self._decoder = exported.graph(DECODER_GRAPH)

    @property
    def black_image(self) -> bytes:
        """Return a black image of the model's size, as PNG, to try the model with."""
        side = self._scale.side
        return encode_png(np.zeros((side, side, self._scale.channels), np.uint8))

    def encode_image(self, data: bytes, field: str) -> Floats:
        """Return the vectors of an image file, [1, vectors, width].

        Raises:
            InvalidInput: the image cannot be read; the error names `field`.
            ModelFailure: the model failed.
        """
        pixels = fit_square(data, self._scale.side, self._scale.channels, field)
        inputs = {"image": self._scale.to_floats(pixels[None])}
        return self._run(self._vision, self._vectors_name, inputs)

    def next_token(self, vectors: Floats, tokens: list[int]) -> int:
        """Return the likeliest token after `tokens`. Raises `ModelFailure`."""
        inputs = {self._vectors_name: vectors, "tokens": np.array([tokens], np.int64)}
        logits = self._run(self._decoder, "logits", inputs)
        if logits.shape != (1, self._vocabulary_size):
            raise ModelFailure(
                f"{self.name} gave logits of {logits.shape}, not of a vocabulary of"
                f" {self._vocabulary_size}."
            )
        return int(logits[0].argmax())

    def refuse_examples(self, question: ImageQuestion) -> None:
        """Raise `InvalidInput` for a question with examples, of a model that takes none."""
        if question.examples:
            raise InvalidInput(
                f"{self.name} looks at 1 picture, without examples; leave the earlier turns out.",
                field="messages",
                limit="1 picture",
            )

    def answer_tokens(
        self, vectors: Floats, prompt: Sequence[int], limit: int, end: int
    ) -> tuple[list[int], bool]:
        """Return the likeliest answer after a prompt, `end` aside, and whether it came to its end.

        Raises:
            ModelFailure: the model failed.
        """
        tokens = list(prompt)
        for _ in range(limit):
            token = self.next_token(vectors, tokens)
            if token == end:
                return tokens[len(prompt) :], True
            tokens.append(token)
        return tokens[len(prompt) :], False

    def _run(self, session: InferenceSession, output: str, inputs: Mapping[str, Any]) -> Floats:
        try:
            (value,) = session.run([output], dict(inputs))
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self.name} failed: {error}") from error
        numbers = np.asarray(value, np.float32)
        if not np.isfinite(numbers).all():
            raise ModelFailure(f"{self.name} gave what are no numbers.")
        return numbers


def takes_vectors(exported: ExportedModel, vectors_name: str) -> bool:
    """Return whether a model's decoder has an input of that name."""
    decoder = exported.signature.graphs.get(DECODER_GRAPH)
    return decoder is not None and vectors_name in {
        graph_input.name for graph_input in decoder.inputs
    }


def _check_graphs(exported: ExportedModel, vectors_name: str) -> None:
    graphs = exported.signature.graphs
    if VISION_GRAPH not in graphs or not takes_vectors(exported, vectors_name):
        raise ModelFailure(
            f"{exported.signature.name} has the graphs {', '.join(sorted(graphs))}, none of which"
            f" tells something by the {vectors_name} of a picture."
        )
