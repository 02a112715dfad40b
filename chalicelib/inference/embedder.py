"""Sentence embeddings by a MiniLM, chosen by its name in the catalogue.

Dynamic int8 scales activations over the whole batch, so a text would get another vector in
other company. Texts are therefore run one at a time, and a text has the same vector, to the
bit, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.session import open_session, pulled
from chalicelib.inference.tokens import Tokens

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "minilm-l6-v2-int8"
"""The model of a tenant that was given no other."""

DIMENSIONS = 384
MAX_TOKENS = 256
"""The length that the models were trained for, special tokens included."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What has to be known of a model beside its files; the catalogue says the same."""

    dimensions: int
    max_tokens: int


MODELS: Mapping[str, Facts] = {
    MODEL: Facts(DIMENSIONS, MAX_TOKENS),
    "minilm-l6-v2-fp32": Facts(DIMENSIONS, MAX_TOKENS),
}

_OUTPUT = "sentence_embedding"
_SPECIAL_TOKENS = 2


class Embedder:
    """The model in a folder. The session is opened at the first text, so counting is cheap."""

    def __init__(self, folder: Path, model: str) -> None:
        """Use `model`, whose files are in `folder`."""
        self._folder = folder
        self._facts = MODELS[model]
        self.model = model
        self.tokens = Tokens(folder / "tokenizer.json")

    @property
    def dimensions(self) -> int:
        """Return how many numbers a vector has."""
        return self._facts.dimensions

    @property
    def max_tokens(self) -> int:
        """Return how many tokens a text may have, special ones included."""
        return self._facts.max_tokens

    @classmethod
    def open(cls, models_dir: Path | str, model: str = MODEL) -> Self:
        """Return the embedder of `model`, which lies in `models_dir`.

        Raises:
            ModelFailure: there is no such model, or it is not there.
        """
        if model not in MODELS:
            raise ModelFailure(f"{model!r} is no text embedding model; there are {_named()}.")
        files = ("model.onnx", "model.onnx_data", "tokenizer.json")
        return cls(pulled(models_dir, model, *files), model)

    @cached_property
    def _session(self) -> InferenceSession:
        return open_session(self._folder / "model.onnx")

    def count_tokens(self, text: str) -> int:
        """Return how many tokens `text` takes; more than `max_tokens` are not embedded."""
        return self.tokens.count(text)

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> NDArray[np.float32]:
        """Return one vector of unit length a text, as an array (texts, 384).

        Raises:
            InvalidInput: a text is empty, or has more than 256 tokens and `truncate` is false;
                the message gives its place and its count.
            ModelFailure: the model could not be opened or run.
        """
        vectors, _ = self.embed_counted(texts, truncate=truncate)
        return vectors

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        """Return what `embed` does, and how many tokens were embedded."""
        ids = [self._ids(place, text, truncate) for place, text in enumerate(texts)]
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        # Sorted, so that the session's buffers grow once and are then reused.
        for place in sorted(range(len(ids)), key=lambda place: -len(ids[place])):
            vectors[place] = self._run(ids[place])
        return vectors, sum(map(len, ids))

    def _ids(self, place: int, text: str, truncate: bool) -> list[int]:
        ids = self.tokens.ids(text)
        if len(ids) <= _SPECIAL_TOKENS:
            raise InvalidInput(f"Text {place} has nothing to embed.", field=f"texts[{place}]")
        most = self.max_tokens
        if len(ids) <= most:
            return ids
        if truncate:
            return [*ids[: most - 1], ids[-1]]
        raise InvalidInput(
            f"Text {place} has {len(ids)} tokens; the model takes {most}.",
            field=f"texts[{place}]",
            limit=f"{most} tokens",
        )

    def _run(self, ids: list[int]) -> NDArray[np.float32]:
        tokens = np.array([ids], np.int64)
        feed = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        session = self._session
        try:
            (found,) = session.run([_OUTPUT], feed)
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{self.model} failed: {error}") from error
        vector: NDArray[np.float32] = np.asarray(found, np.float32)[0]
        return vector


def _named() -> str:
    return ", ".join(sorted(MODELS))
