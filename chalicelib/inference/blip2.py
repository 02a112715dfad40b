"""Captions of images and answers to questions about them, by an exported BLIP-2.

J. Li et al., https://arxiv.org/abs/2301.12597. Decoding is greedy, so that an image and a question
have one answer. Keys and values are not cached: texts have a dozen tokens.
"""

from __future__ import annotations

from chalicelib.errors import InvalidInput
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_text import ImageAnswer, ImageQuestion, VisionLanguageGraphs
from chalicelib.inference.tokenizers import WordTokenizer

VECTORS_NAME = "queries"


class Blip2Model:
    """A BLIP-2, which writes a caption, or the answer to a question.

    Constants that the manifest must have, beside those of `PixelScale`: `queries` (vectors of an
    image), `vocabulary`, `context` (the most tokens of a question and its answer together), `begin`
    (the token between the two) and `end` (the token that ends an answer).
    """

    def __init__(self, exported: ExportedModel) -> None:
        """Open the graphs and the tokenizer. Raises `ModelFailure`."""
        self._graphs = VisionLanguageGraphs(exported, VECTORS_NAME)
        self._tokenizer = WordTokenizer.of(exported)
        numbers = exported.numbers("queries", "context", "begin", "end")
        self._queries, self._context = int(numbers["queries"]), int(numbers["context"])
        self._begin, self._end = int(numbers["begin"]), int(numbers["end"])

    def answer(self, question: ImageQuestion) -> ImageAnswer:
        """Return the answer, or a caption without a question.

        Raises as `ImageTextModel.answer` does, and `InvalidInput` for examples.
        """
        name = self._graphs.name
        self._graphs.refuse_examples(question)
        tokens = [*self._tokenizer.ids(question.question, "question"), self._begin]
        prompt_length, room = len(tokens), self._context - len(tokens)
        if room < 1:
            raise InvalidInput(
                f"question has {prompt_length - 1} tokens, and {name} takes {self._context - 2} so"
                " that one may follow.",
                field="question",
                limit=f"{self._context - 2} tokens",
            )
        vectors = self._graphs.encode_image(question.image, "image")
        limit = min(question.max_tokens, room)
        answer, ended = self._graphs.answer_tokens(vectors, tokens, limit, self._end)
        return ImageAnswer(
            text=self._tokenizer.text(answer),
            finish="stop" if ended else "length",
            tokens_in=self._queries + prompt_length,
            tokens_out=len(answer),
        )

    def smoke_test(self) -> None:
        """Generate one token for a black image. Raises `ModelFailure`."""
        self.answer(ImageQuestion(self._graphs.black_image, max_tokens=1))


def open_model(exported: ExportedModel) -> Blip2Model:
    """Open an exported BLIP-2 and try it on an image.

    Raises:
        ModelFailure: the model is no BLIP-2, or it failed.
    """
    model = Blip2Model(exported)
    model.smoke_test()
    return model
