"""Scores of answers by how much people would like them, from an exported reward model.

A model is the graph `scorer`, which takes tokens and a mask of [count, length] and returns a score
for each row, with a `tokenizer.json` and the constants `end`, `pad` and `context`. It scores a text
at its end token, which is appended here: an answer is taken to be complete. L. Ouyang et al.,
https://arxiv.org/abs/2203.02155
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.tokenizers import TextTokenizer

_GRAPH = "scorer"
_INPUTS = ("tokens", "mask")
_OUTPUT = "score"


@dataclass(frozen=True, slots=True)
class RewardScores:
    """The scores of the answers, in order, and the number of tokens read."""

    scores: tuple[float, ...]
    tokens: int


class RewardModel:
    """A reward model that scores answers."""

    def __init__(self, exported: ExportedModel) -> None:
        """Open the graph and the tokenizer. Raises `ModelFailure`."""
        self._name = exported.signature.name
        self._session = exported.graph_taking(_GRAPH, _INPUTS, "scores answers")
        numbers = exported.numbers("end", "pad", "context")
        self._end, self._pad = int(numbers["end"]), int(numbers["pad"])
        self._context = int(numbers["context"])
        self._tokenizer = TextTokenizer.of(exported)

    def score(self, prompt: str, answers: Sequence[str]) -> RewardScores:
        """Return the scores of answers to `prompt`.

        Raises:
            InvalidInput: the model does not know a word, an answer is empty, or one is too long
                together with the prompt; the message names the answer and the limit.
            ModelFailure: the model failed.
        """
        prompt_ids = self._tokenizer.ids(prompt, "prompt")
        rows = [self._row(prompt_ids, answer, index) for index, answer in enumerate(answers)]
        return RewardScores(self._run(rows), sum(map(len, rows)))

    def smoke_test(self) -> None:
        """Score two rows of different length, of end tokens alone. Raises `ModelFailure`."""
        self._run([[self._end], [self._end, self._end]])

    def _row(self, prompt_ids: list[int], answer: str, index: int) -> list[int]:
        """Return the tokens of a prompt with one answer and the end token."""
        field = f"answers.{index}"
        answer_ids = self._tokenizer.ids(answer, field)
        if not answer_ids:
            raise InvalidInput(f"{field}: says nothing; leave it out.", field=field)
        row = [*prompt_ids, *answer_ids, self._end]
        if len(row) > self._context:
            max_tokens = self._context - 1
            raise InvalidInput(
                f"{field}: has {len(row) - 1} tokens with the prompt, and {self._name} reads"
                f" {max_tokens} at most; shorten it.",
                field=field,
                limit=f"{max_tokens} tokens",
            )
        return row

    def _run(self, rows: Sequence[Sequence[int]]) -> tuple[float, ...]:
        """Return the score of each row; rows are padded to the longest."""
        tokens: NDArray[np.int64] = np.full(
            (len(rows), max(map(len, rows))), self._pad, dtype=np.int64
        )
        mask = np.zeros_like(tokens)
        for index, row in enumerate(rows):
            tokens[index, : len(row)], mask[index, : len(row)] = row, 1
        try:
            (scores,) = self._session.run([_OUTPUT], {"tokens": tokens, "mask": mask})
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error
        values = np.asarray(scores, np.float64)
        if values.shape != (len(rows),) or not np.isfinite(values).all():
            raise ModelFailure(
                f"{self._name} gave scores of {values.shape} and not of {len(rows)} answers, or"
                " what are no numbers."
            )
        return tuple(values.tolist())


def open_model(exported: ExportedModel) -> RewardModel:
    """Open an exported reward model and try it.

    Raises:
        ModelFailure: the model is no reward model, or it failed.
    """
    model = RewardModel(exported)
    model.smoke_test()
    return model
