"""Answers about an image from few-shot examples, by an exported Flamingo.

J.-B. Alayrac et al., https://arxiv.org/abs/2204.14198. The prompt is `<image> is ANSWER ;` for each
example, and then `<image> is`; the likeliest next token is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference import blip2, visual_questions
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_text import (
    ImageAnswer,
    ImageExample,
    ImageQuestion,
    ImageTextModel,
    VisionLanguageGraphs,
    takes_vectors,
)
from chalicelib.inference.tokenizers import WordTokenizer

VECTORS_NAME = "latents"


class FlamingoModel:
    """A Flamingo, which answers about an image with one word in the manner of its examples.

    Constants that the manifest must have, beside those of `PixelScale`: `latents` (vectors of an
    image), `vocabulary`, `context` (the most tokens of a prompt), `shots` (the most examples) and
    the tokens `image`, `is` and `next` of a prompt.
    """

    def __init__(self, exported: ExportedModel) -> None:
        """Open the graphs and the tokenizer. Raises `ModelFailure`."""
        self._graphs = VisionLanguageGraphs(exported, VECTORS_NAME)
        self._tokenizer = WordTokenizer.of(exported)
        names = ("latents", "context", "shots", "image", "is", "next")
        numbers = exported.numbers(*names)
        self._latents, self._context = int(numbers["latents"]), int(numbers["context"])
        self.max_examples = int(numbers["shots"])
        self._image, self._is, self._next = (int(numbers[name]) for name in names[3:])

    def answer(self, question: ImageQuestion) -> ImageAnswer:
        """Return the answer, one word.

        Raises as `ImageTextModel.answer` does, and `InvalidInput` for a question in words.
        """
        name = self._graphs.name
        if question.question.strip():
            raise InvalidInput(
                f"{name} takes no words about a picture: what is asked, earlier turns show, each a"
                " picture and its answer.",
                field="messages",
            )
        if len(question.examples) > self.max_examples:
            raise InvalidInput(
                f"{name} is shown {self.max_examples} pictures with their answers at most, and"
                f" {len(question.examples)} are given; leave some out.",
                field="messages",
                limit=f"{self.max_examples} pictures with answers",
            )
        words = [
            self._answer_token(number, example)
            for number, example in enumerate(question.examples, 1)
        ]
        tokens = self._prompt(words)
        images = [example.image for example in question.examples] + [question.image]
        vectors = [
            self._graphs.encode_image(image, f"picture {number}")
            for number, image in enumerate(images, 1)
        ]
        token = self._graphs.next_token(np.stack(vectors, axis=1), tokens)
        text = self._tokenizer.text([token])
        if not text:
            raise ModelFailure(f"{name} answered with a mark of its own, token {token}, no word.")
        return ImageAnswer(text, "stop", len(vectors) * self._latents + len(tokens), 1)

    def smoke_test(self) -> None:
        """Answer about a black image with as many examples as are allowed.

        Raises `ModelFailure`.
        """
        vectors = self._graphs.encode_image(self._graphs.black_image, "picture")
        tokens = self._prompt([*self._tokenizer.numbers.values()][:1] * self.max_examples)
        if len(tokens) >= self._context:
            raise ModelFailure(
                f"{self._graphs.name} holds {self._context} tokens, too few for its own shots."
            )
        self._graphs.next_token(np.stack([vectors] * (self.max_examples + 1), axis=1), tokens)

    def _answer_token(self, number: int, example: ImageExample) -> int:
        """Return the token of an example's answer, which must be one word."""
        ids = self._tokenizer.ids(example.answer, f"answer {number}")
        if len(ids) != 1:
            raise InvalidInput(
                f"answer {number} is {example.answer!r}, and has to be one word.", field="messages"
            )
        return ids[0]

    def _prompt(self, answers: Sequence[int]) -> list[int]:
        shown = [token for word in answers for token in (self._image, self._is, word, self._next)]
        return [*shown, self._image, self._is]


def open_image_text_model(exported: ExportedModel) -> ImageTextModel:
    """Open an exported Flamingo, BLIP-2 or tuned base, whichever its graphs belong to, and try it.

    Raises:
        ModelFailure: it is none of them, or it failed.
    """
    if takes_vectors(exported, visual_questions.VECTORS_NAME):
        return visual_questions.open_model(exported)
    if not takes_vectors(exported, VECTORS_NAME):
        return blip2.open_model(exported)
    model = FlamingoModel(exported)
    model.smoke_test()
    return model
