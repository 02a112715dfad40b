"""What each word of a text means where it stands: MiniLM's token vectors, a word's taken together.

Late interaction: two texts are compared word by word, each as its sentence colours it.
Khattab and Zaharia, ColBERT, 2020, https://arxiv.org/abs/2004.12832
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
from chalicelib.inference.tokens import Tokens

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_HIDDEN = "last_hidden_state"
_POOLED = "sentence_embedding"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WordVectors:
    """`words` holds a unit vector a word (words, 384), zero for a word beyond the model's
    length; `whole` is the text's own unit vector; `tokens` is how many the model read.
    """

    words: NDArray[np.float32]
    whole: NDArray[np.float32]
    tokens: int

    def likeness(self, other: WordVectors) -> list[list[float]]:
        """Return the cosine of each word with each word of `other`, by rows of this text's."""
        found: list[list[float]] = (self.words @ other.words.T).tolist()
        return found

    def cosine(self, other: WordVectors) -> float:
        """Return the cosine of both texts' own vectors."""
        return float(self.whole @ other.whole)


class WordReader:
    """Reads texts word by word. The session is opened at the first one."""

    model = MODEL

    def __init__(self, folder: Path) -> None:
        """Use the model whose files are in `folder`."""
        self._folder = folder
        self._tokens = Tokens(folder / "tokenizer.json")

    @classmethod
    def open(cls, models_dir: Path | str) -> Self:
        """Return the reader whose model lies in `models_dir`; raises `ModelFailure` as
        `Embedder.open` does.
        """
        Embedder.open(models_dir)
        return cls(Path(models_dir) / MODEL)

    @cached_property
    def _session(self) -> InferenceSession:
        return open_session(self._folder / "model.onnx", reveal=_HIDDEN)

    def read(self, text: str, spans: Sequence[Span]) -> WordVectors:
        """Return the vectors of the words of `text` that stand at `spans`, in characters.

        Raises:
            InvalidInput: the text is not Unicode text.
            ModelFailure: the model could not be opened or run.
        """
        ids = self._tokens.ids(text)
        places = self._tokens.spans(text)[: MAX_TOKENS - 2]
        if len(ids) > MAX_TOKENS:
            ids = [*ids[: MAX_TOKENS - 1], ids[-1]]
        tokens = np.array([ids], np.int64)
        feed = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        session = self._session
        try:
            pooled, hidden = session.run([_POOLED, _HIDDEN], feed)
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{MODEL} failed: {error}") from error
        inner = np.asarray(hidden, np.float32)[0, 1:-1]
        return WordVectors(
            _by_word(inner, places, spans), np.asarray(pooled, np.float32)[0], len(ids)
        )


def _by_word(
    hidden: NDArray[np.float32], places: Sequence[Span], spans: Sequence[Span]
) -> NDArray[np.float32]:
    """Return the mean of each word's token vectors, of unit length."""
    words = np.zeros((len(spans), hidden.shape[1]), np.float32)
    first = 0
    for at, (start, end) in enumerate(spans):
        while first < len(places) and places[first][1] <= start:
            first += 1
        last = first
        while last < len(places) and places[last][0] < end:
            words[at] += hidden[last]
            last += 1
    lengths = np.linalg.norm(words, axis=1, keepdims=True)
    np.divide(words, lengths, out=words, where=lengths > 0)
    return words
