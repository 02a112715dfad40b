"""A vector for each word of a text in context: the mean of MiniLM's token vectors for it.

Late interaction: two texts are compared word by word, and the vector of each word depends on its
sentence. Khattab and Zaharia, ColBERT, 2020, https://arxiv.org/abs/2004.12832
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import ModelFailure
from chalicelib.inference.embedder import MAX_TOKENS, MODEL, Embedder
from chalicelib.inference.session import open_session
from chalicelib.inference.tokenizers import SentenceTokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_HIDDEN = "last_hidden_state"
_POOLED = "sentence_embedding"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WordVectors:
    """The vectors of a text and of its words.

    `words` holds a unit vector for each word, an array (words, 384), zero for a word beyond the
    model's length. `whole` is the unit vector of the whole text. `tokens` is how many the model
    read.
    """

    words: NDArray[np.float32]
    whole: NDArray[np.float32]
    tokens: int

    def likeness(self, other: WordVectors) -> list[list[float]]:
        """Return the cosines of this text's words (rows) with the words of `other` (columns)."""
        cosines: list[list[float]] = (self.words @ other.words.T).tolist()
        return cosines

    def nearest(self, other: WordVectors) -> tuple[list[float], list[float]]:
        """Return, for each word of this text and for each of `other`, its greatest cosine.

        That is 0 if the other text has no word.
        """
        if not (len(self.words) and len(other.words)):
            return [0.0] * len(self.words), [0.0] * len(other.words)
        cosines = self.words @ other.words.T
        own: list[float] = cosines.max(axis=1).tolist()
        others: list[float] = cosines.max(axis=0).tolist()
        return own, others

    def cosine(self, other: WordVectors) -> float:
        """Return the cosine of the vectors of the two whole texts."""
        return float(self.whole @ other.whole)


class WordEmbedder:
    """MiniLM as an embedder of single words; its session is opened at the first text."""

    model = MODEL

    def __init__(self, folder: Path) -> None:
        """Use the model whose files are in `folder`."""
        self._folder = folder
        self._tokenizer = SentenceTokenizer(folder / "tokenizer.json")

    @classmethod
    def open(cls, models_dir: Path | str) -> Self:
        """Return the embedder with its model from `models_dir`.

        Raises:
            ModelFailure: the model's files are not there.
        """
        Embedder.open(models_dir)
        return cls(Path(models_dir) / MODEL)

    @cached_property
    def _session(self) -> InferenceSession:
        return open_session(self._folder / "model.onnx", extra_output=_HIDDEN)

    def read(self, text: str, spans: Sequence[Span]) -> WordVectors:
        """Return the vectors of the words of `text` at `spans`, in characters.

        Raises:
            InvalidInput: the text is invalid Unicode.
            ModelFailure: the model could not be opened or run.
        """
        ids = self._tokenizer.ids(text)
        token_spans = self._tokenizer.spans(text)[: MAX_TOKENS - 2]
        if len(ids) > MAX_TOKENS:
            ids = [*ids[: MAX_TOKENS - 1], ids[-1]]
        tokens = np.array([ids], np.int64)
        inputs = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        session = self._session
        try:
            pooled, hidden = session.run([_POOLED, _HIDDEN], inputs)
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{MODEL} failed: {error}") from error
        token_vectors = np.asarray(hidden, np.float32)[0, 1:-1]
        return WordVectors(
            _mean_by_word(token_vectors, token_spans, spans),
            np.asarray(pooled, np.float32)[0],
            len(ids),
        )


def _mean_by_word(
    token_vectors: NDArray[np.float32], token_spans: Sequence[Span], spans: Sequence[Span]
) -> NDArray[np.float32]:
    """Return the mean of each word's token vectors, normalised to length 1."""
    words = np.zeros((len(spans), token_vectors.shape[1]), np.float32)
    first = 0
    for index, (start, end) in enumerate(spans):
        while first < len(token_spans) and token_spans[first][1] <= start:
            first += 1
        last = first
        while last < len(token_spans) and token_spans[last][0] < end:
            words[index] += token_vectors[last]
            last += 1
    lengths = np.linalg.norm(words, axis=1, keepdims=True)
    np.divide(words, lengths, out=words, where=lengths > 0)
    return words
