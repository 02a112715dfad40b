"""Sentence embeddings by a MiniLM or MPNet, which is chosen by its name in the catalogue.

Dynamic int8 quantisation scales activations over the whole batch, so the vector of a text would
depend on the other texts. Texts are therefore run one at a time, and a text always has the same
vector, to the bit.
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
from chalicelib.inference.session import open_session, pulled_folder
from chalicelib.inference.tokenizers import SentenceTokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "minilm-l6-v2-int8"
"""The model of a tenant for whom no other is set."""

DIMENSIONS = 384
MAX_TOKENS = 256
"""The most tokens that the models were trained for, special tokens included."""


@dataclass(frozen=True, slots=True)
class EmbedderLimits:
    """The dimensions and token limit of a model, which its files do not state.

    The catalogue has the same numbers.
    """

    dimensions: int
    max_tokens: int
    has_token_types: bool = True
    """Whether the graph takes the type of each token, as BERT's does."""


MODELS: Mapping[str, EmbedderLimits] = {
    MODEL: EmbedderLimits(DIMENSIONS, MAX_TOKENS),
    "minilm-l6-v2-fp32": EmbedderLimits(DIMENSIONS, MAX_TOKENS),
    "mpnet-base-v2-int8": EmbedderLimits(768, 384, has_token_types=False),
}

_OUTPUT = "sentence_embedding"
_SPECIAL_TOKENS = 2


class Embedder:
    """A sentence embedding model in a folder.

    Its session is opened at the first text, so that counting tokens is cheap.
    """

    def __init__(self, folder: Path, model: str) -> None:
        """Use `model`, whose files are in `folder`."""
        self._folder = folder
        self._limits = MODELS[model]
        self.model = model
        self.tokens = SentenceTokenizer(folder / "tokenizer.json")

    @property
    def dimensions(self) -> int:
        """Return the number of dimensions of a vector."""
        return self._limits.dimensions

    @property
    def max_tokens(self) -> int:
        """Return the most tokens of a text, special tokens included."""
        return self._limits.max_tokens

    @classmethod
    def open(cls, models_dir: Path | str, model: str = MODEL) -> Self:
        """Return the embedder of `model` in `models_dir`.

        Raises:
            ModelFailure: the model is unknown, or its files are not there.
        """
        if model not in MODELS:
            raise ModelFailure(f"{model!r} is no text embedding model; there are {_model_names()}.")
        files = ("model.onnx", "model.onnx_data", "tokenizer.json")
        return cls(pulled_folder(models_dir, model, *files), model)

    @cached_property
    def _session(self) -> InferenceSession:
        return open_session(self._folder / "model.onnx")

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text`; `embed` accepts `max_tokens` of them."""
        return self.tokens.count(text)

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> NDArray[np.float32]:
        """Return one vector of unit length for each text, an array (texts, dimensions).

        Raises:
            InvalidInput: a text is empty, or has more than `max_tokens` tokens and `truncate` is
                false; the message gives its position and its token count.
            ModelFailure: the model could not be opened or run.
        """
        vectors, _ = self.embed_counted(texts, truncate=truncate)
        return vectors

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        """Return the vectors, as `embed` does, and the number of tokens embedded."""
        ids = [self._ids(position, text, truncate) for position, text in enumerate(texts)]
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        # The longest text first: the session's buffers grow once and are then reused.
        for position in sorted(range(len(ids)), key=lambda position: -len(ids[position])):
            vectors[position] = self._run(ids[position])
        return vectors, sum(map(len, ids))

    def _ids(self, position: int, text: str, truncate: bool) -> list[int]:
        """Return the token ids of a text that is short enough, or is truncated."""
        ids = self.tokens.ids(text)
        if len(ids) <= _SPECIAL_TOKENS:
            raise InvalidInput(f"Text {position} has nothing to embed.", field=f"texts[{position}]")
        max_tokens = self.max_tokens
        if len(ids) <= max_tokens:
            return ids
        if truncate:
            return [*ids[: max_tokens - 1], ids[-1]]
        raise InvalidInput(
            f"Text {position} has {len(ids)} tokens; the model takes {max_tokens}.",
            field=f"texts[{position}]",
            limit=f"{max_tokens} tokens",
        )

    def _run(self, ids: list[int]) -> NDArray[np.float32]:
        """Return the vector of one text."""
        tokens = np.array([ids], np.int64)
        inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        if self._limits.has_token_types:
            inputs["token_type_ids"] = np.zeros_like(tokens)
        session = self._session
        try:
            (output,) = session.run([_OUTPUT], inputs)
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self.model} failed: {error}") from error
        vector: NDArray[np.float32] = np.asarray(output, np.float32)[0]
        return vector


def _model_names() -> str:
    return ", ".join(sorted(MODELS))
