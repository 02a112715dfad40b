"""Sentence embeddings, by a MiniLM or MPNet of the catalogue or by an encoder that was tuned.

Dynamic int8 quantisation scales activations over the whole batch, so the vector of a text would
depend on the other texts. Texts are therefore run one at a time, and a text always has the same
vector, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
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
class EmbedderSpec:
    """How a model is asked for vectors, which its graph does not state.

    `max_tokens` counts special tokens, of which a text has `special_tokens`, and prefixes. The
    catalogue has the same dimensions and limits.
    """

    dimensions: int
    max_tokens: int
    has_token_types: bool = True
    """Whether the graph takes the type of each token, as BERT's does."""
    tokens: str = "input_ids"
    mask: str = "attention_mask"
    output: str = "sentence_embedding"
    special_tokens: int = 2
    query_prefix: str = ""
    """Stands before each text that looks for passages, in the models that were trained so."""
    passage_prefix: str = ""


MODELS: Mapping[str, EmbedderSpec] = {
    MODEL: EmbedderSpec(DIMENSIONS, MAX_TOKENS),
    "minilm-l6-v2-fp32": EmbedderSpec(DIMENSIONS, MAX_TOKENS),
    "mpnet-base-v2-int8": EmbedderSpec(768, 384, has_token_types=False),
}


class SentenceEmbedder:
    """A model that gives each text a vector of unit length.

    Its session is opened at the first text, so that counting tokens is cheap.
    """

    def __init__(
        self,
        model: str,
        spec: EmbedderSpec,
        tokens: SentenceTokenizer,
        open_graph: Callable[[], InferenceSession],
    ) -> None:
        """Call the model `model` in what is said of its vectors."""
        self.model = model
        self.tokens = tokens
        self._spec = spec
        self._open_graph = open_graph

    @property
    def dimensions(self) -> int:
        """Return the number of dimensions of a vector."""
        return self._spec.dimensions

    @property
    def max_tokens(self) -> int:
        """Return the most tokens of a text, special tokens and the prefix included."""
        return self._spec.max_tokens

    @cached_property
    def _session(self) -> InferenceSession:
        return self._open_graph()

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a passage; `embed` accepts `max_tokens` of them."""
        return self.tokens.count(self._spec.passage_prefix + text)

    def embed(
        self, texts: Sequence[str], *, truncate: bool = False, queries: bool = False
    ) -> NDArray[np.float32]:
        """Return one vector of unit length for each text, an array (texts, dimensions).

        Args:
            texts: passages, or queries that look for some.
            truncate: whether a text that is too long is embedded by its beginning.
            queries: whether the texts are queries; some models read these in another way.

        Raises:
            InvalidInput: a text is empty, or has more than `max_tokens` tokens and `truncate` is
                false; the message gives its position and its token count.
            ModelFailure: the model could not be opened or run.
        """
        vectors, _ = self.embed_counted(texts, truncate=truncate, queries=queries)
        return vectors

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False, queries: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        """Return the vectors, as `embed` does, and the number of tokens embedded."""
        prefix = self._spec.query_prefix if queries else self._spec.passage_prefix
        ids = [self._ids(position, prefix, text, truncate) for position, text in enumerate(texts)]
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        # The longest text first: the session's buffers grow once and are then reused.
        for position in sorted(range(len(ids)), key=lambda position: -len(ids[position])):
            vectors[position] = self._run(ids[position])
        return vectors, sum(map(len, ids))

    def _ids(self, position: int, prefix: str, text: str, truncate: bool) -> list[int]:
        """Return the token ids of a text that is short enough, or is truncated."""
        ids, special = self.tokens.ids(text), self._spec.special_tokens
        if len(ids) <= special:
            raise InvalidInput(f"Text {position} has nothing to embed.", field=f"texts[{position}]")
        if prefix:
            ids = self.tokens.ids(prefix + text)
        max_tokens = self.max_tokens
        if len(ids) <= max_tokens:
            return ids
        if truncate:
            return [*ids[: max_tokens - 1], ids[-1]] if special else ids[:max_tokens]
        raise InvalidInput(
            f"Text {position} has {len(ids)} tokens; the model takes {max_tokens}.",
            field=f"texts[{position}]",
            limit=f"{max_tokens} tokens",
        )

    def _run(self, ids: list[int]) -> NDArray[np.float32]:
        """Return the vector of one text."""
        tokens, spec = np.array([ids], np.int64), self._spec
        inputs = {spec.tokens: tokens, spec.mask: np.ones_like(tokens)}
        if spec.has_token_types:
            inputs["token_type_ids"] = np.zeros_like(tokens)
        session = self._session
        try:
            (output,) = session.run([spec.output], inputs)
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self.model} failed: {error}") from error
        vector: NDArray[np.float32] = np.asarray(output, np.float32)[0]
        return vector


class Embedder(SentenceEmbedder):
    """An embedding model of the catalogue, in a folder."""

    def __init__(self, folder: Path, model: str) -> None:
        """Use `model`, whose files are in `folder`."""
        super().__init__(
            model,
            MODELS[model],
            SentenceTokenizer(folder / "tokenizer.json"),
            partial(open_session, folder / "model.onnx"),
        )

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


def _model_names() -> str:
    return ", ".join(sorted(MODELS))
