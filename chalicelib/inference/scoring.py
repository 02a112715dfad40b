"""How much answers would be liked, by an exported reward model.

A model is the graph `scorer`, which takes tokens and a mask of [count, length] and gives a score
for each row, with a `tokenizer.json` and the constants `end`, `pad` and `context`. It reads a score
at the end of a text, which is put there here: an answer is taken to be whole.
L. Ouyang et al., https://arxiv.org/abs/2203.02155
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported import Exported
from chalicelib.inference.text_tokens import TextTokens

GRAPH = "scorer"
_INPUTS = ("tokens", "mask")
_OUTPUT = "score"


@dataclass(frozen=True, slots=True)
class Scored:
    """A score for each answer, in order, and how many tokens were read for them."""

    scores: tuple[float, ...]
    tokens: int


class Scorer:
    """A model that scores answers."""

    def __init__(self, exported: Exported) -> None:
        """Open it. Raises `ModelFailure`."""
        self._name = exported.signature.name
        self._session = exported.graph_taking(GRAPH, _INPUTS, "scores answers")
        found = exported.numbers("end", "pad", "context")
        self._end, self._pad = int(found["end"]), int(found["pad"])
        self._context = int(found["context"])
        self._tokens = TextTokens.of(exported)

    def score(self, prompt: str, answers: Sequence[str]) -> Scored:
        """Return scores of answers to `prompt`.

        Raises:
            InvalidInput: the model does not know a word, an answer says nothing, or one is too long
                with the prompt; the message names it and the limit.
            ModelFailure: the model failed.
        """
        begun = self._tokens.ids(prompt, "prompt")
        rows = [self._row(begun, answer, at) for at, answer in enumerate(answers)]
        return Scored(self._run(rows), sum(map(len, rows)))

    def try_it(self) -> None:
        """Have two rows of other lengths scored, of ends alone. Raises `ModelFailure`."""
        self._run([[self._end], [self._end, self._end]])

    def _row(self, begun: list[int], answer: str, at: int) -> list[int]:
        field = f"answers.{at}"
        said = self._tokens.ids(answer, field)
        if not said:
            raise InvalidInput(f"{field}: says nothing; leave it out.", field=field)
        row = [*begun, *said, self._end]
        if len(row) > self._context:
            most = self._context - 1
            raise InvalidInput(
                f"{field}: has {len(row) - 1} tokens with the prompt, and {self._name} reads"
                f" {most} at most; shorten it.",
                field=field,
                limit=f"{most} tokens",
            )
        return row

    def _run(self, rows: Sequence[Sequence[int]]) -> tuple[float, ...]:
        tokens: NDArray[np.int64] = np.full(
            (len(rows), max(map(len, rows))), self._pad, dtype=np.int64
        )
        mask = np.zeros_like(tokens)
        for at, row in enumerate(rows):
            tokens[at, : len(row)], mask[at, : len(row)] = row, 1
        try:
            (scores,) = self._session.run([_OUTPUT], {"tokens": tokens, "mask": mask})
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{self._name} failed: {error}") from error
        found = np.asarray(scores, np.float64)
        if found.shape != (len(rows),) or not np.isfinite(found).all():
            raise ModelFailure(
                f"{self._name} gave scores of {found.shape} and not of {len(rows)} answers, or"
                " what are no numbers."
            )
        return tuple(found.tolist())


def opened(exported: Exported) -> Scorer:
    """Return the model that was exported, once it has scored.

    Raises:
        ModelFailure: it is none that scores, or did not.
    """
    scorer = Scorer(exported)
    scorer.try_it()
    return scorer
