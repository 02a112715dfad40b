"""A vector for a pair of texts, from which an entailment of the second by the first can be told.

It is that of DeBERTa-v3-xsmall's first token after training on natural language inference; see
`models/pull/entailment.py`. He, Gao and Chen, DeBERTaV3, 2021, https://arxiv.org/abs/2111.09543
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import ModelFailure
from chalicelib.inference.session import open_session, pulled_folder
from chalicelib.inference.tokenizers import SentenceTokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "deberta-v3-xsmall-nli-int8"
DIMENSIONS = 384
MAX_TOKENS = 256
"""Tokens of a pair with its three special tokens."""
MAX_CLAIM_TOKENS = 96
"""Tokens of the second text, with two special tokens; the first is cut to what is left."""
_FILES = ("model.onnx", "model.onnx_data", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class PairVector:
    """The vector of a pair, of `DIMENSIONS`, and how many tokens the model read."""

    values: NDArray[np.float32]
    tokens: int


class PairEncoder:
    """The encoder of pairs; its session is opened at the first pair."""

    model = MODEL

    def __init__(self, folder: Path) -> None:
        """Use the model whose files are in `folder`."""
        self._folder = folder
        self._tokenizer = SentenceTokenizer(folder / "tokenizer.json")

    @classmethod
    def open(cls, models_dir: Path | str) -> Self:
        """Return the encoder with its model from `models_dir`.

        Raises:
            ModelFailure: the model's files are not there.
        """
        return cls(pulled_folder(models_dir, MODEL, *_FILES))

    @cached_property
    def _session(self) -> InferenceSession:
        return open_session(self._folder / "model.onnx")

    def reads_whole(self, claim: str) -> bool:
        """Return whether `claim` is short enough to be read to its end.

        Raises:
            InvalidInput: the text is invalid Unicode.
            ModelFailure: the tokenizer is unusable.
        """
        return self._tokenizer.count(claim) <= MAX_CLAIM_TOKENS

    def read(self, premise: str, claim: str) -> PairVector:
        """Return the vector of a premise and a claim; the premise is cut to what is left for it.

        Raises:
            InvalidInput: a text is invalid Unicode.
            ModelFailure: the model could not be opened or run.
        """
        second = _cut(self._tokenizer.ids(claim), MAX_CLAIM_TOKENS)
        first = _cut(self._tokenizer.ids(premise), MAX_TOKENS - len(second) + 1)
        ids = [*first, *second[1:]]
        tokens = np.array([ids], np.int64)
        session = self._session
        try:
            (vectors,) = session.run(
                None, {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
            )
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{MODEL} failed: {error}") from error
        return PairVector(np.asarray(vectors, np.float32)[0], len(ids))


def _cut(ids: list[int], limit: int) -> list[int]:
    """Return at most `limit` token ids, the last of which stays."""
    return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]
