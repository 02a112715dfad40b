"""Answers to questions about a picture by an exported vision-language model with a tokenizer.

A model is the graphs `vision` and `decoder`, a `tokenizer.json` and the constants of its prompt;
`models/networks/vision_language_export.py` writes them. Decoding is greedy, so that a picture and a
question have one answer. Keys and values are not cached: answers are short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_text import ImageAnswer, ImageQuestion, VisionLanguageGraphs
from chalicelib.inference.tokenizers import check_unicode, read_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VECTORS_NAME = "features"
PLACE = "{}"
"""Where a prompt has the question."""


@dataclass(frozen=True)
class QuestionPrompt:
    """The text that a model reads before it answers.

    `opening` are marks that the model knows as special tokens, such as those of a picture, and
    `prompt` has `{}` in the place of the question. A question never becomes a special token.
    """

    tokenizer: Tokenizer
    opening: str
    prompt: str

    def question_ids(self, question: str) -> list[int]:
        """Return the tokens that are read. Raises `InvalidInput` for invalid Unicode."""
        check_unicode(question, "question")
        self.tokenizer.encode_special_tokens = False
        opening = self.tokenizer.encode(self.opening, add_special_tokens=False).ids
        return [*opening, *self._plain(self._asked(question))]

    def answer_ids(self, question: str, answer: str) -> list[int]:
        """Return the tokens of an answer as they follow those of a question."""
        asked = self._asked(question)
        before, whole = self._plain(asked), self._plain(f"{asked} {answer.strip()}")
        if whole[: len(before)] == before:
            return whole[len(before) :]
        return self._plain(f" {answer.strip()}")

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, without special ones."""
        return str(self.tokenizer.decode(list(ids))).strip()

    def _asked(self, question: str) -> str:
        return self.prompt.replace(PLACE, " ".join(question.split()))

    def _plain(self, text: str) -> list[int]:
        self.tokenizer.encode_special_tokens = True
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)


class VisualQuestionModel:
    """A model that answers one question about one picture.

    Constants that the manifest must have, beside those of `PixelScale`: `vectors` (of a picture),
    `vocabulary`, `context` (the most tokens of a prompt and its answer), `end` (the token that ends
    an answer), and the texts `opening` and `prompt`.
    """

    def __init__(self, exported: ExportedModel) -> None:
        """Open the graphs and the tokenizer. Raises `ModelFailure`."""
        self._graphs = VisionLanguageGraphs(exported, VECTORS_NAME)
        numbers = exported.numbers("vectors", "context", "end")
        self._vectors, self._context = int(numbers["vectors"]), int(numbers["context"])
        self._end = int(numbers["end"])
        constants = exported.signature.constants
        opening, prompt = constants.get("opening"), constants.get("prompt")
        if not isinstance(opening, str) or not isinstance(prompt, str) or PLACE not in prompt:
            raise ModelFailure(
                f"{self._graphs.name} has no prompt with a place for a question; export it again."
            )
        tokenizer = read_tokenizer(exported)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._prompt = QuestionPrompt(tokenizer, opening, prompt)

    def answer(self, question: ImageQuestion) -> ImageAnswer:
        """Return the answer.

        Raises as `ImageTextModel.answer` does, and `InvalidInput` for examples, or no question.
        """
        name = self._graphs.name
        self._graphs.refuse_examples(question)
        if not question.question.strip():
            raise InvalidInput(
                f"{name} answers a question about the picture; ask one.", field="question"
            )
        tokens = self._prompt.question_ids(question.question)
        read, room = len(tokens), self._context - len(tokens)
        if room < 1:
            raise InvalidInput(
                f"The question makes a prompt of {read} tokens, and {name} takes"
                f" {self._context - 1} so that one may follow.",
                field="question",
                limit=f"{self._context - 1} tokens",
            )
        vectors = self._graphs.encode_image(question.image, "image")
        limit = min(question.max_tokens, room)
        answer, ended = self._graphs.answer_tokens(vectors, tokens, limit, self._end)
        return ImageAnswer(
            text=self._prompt.text(answer),
            finish="stop" if ended else "length",
            tokens_in=self._vectors + read,
            tokens_out=len(answer),
        )

    def smoke_test(self) -> None:
        """Write one token about a black picture. Raises `ModelFailure`."""
        self.answer(ImageQuestion(self._graphs.black_image, question="?", max_tokens=1))


def open_model(exported: ExportedModel) -> VisualQuestionModel:
    """Open an exported model and try it on a picture.

    Raises:
        ModelFailure: the model is none, or it failed.
    """
    model = VisualQuestionModel(exported)
    model.smoke_test()
    return model
