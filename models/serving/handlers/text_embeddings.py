"""A handler of sentence embeddings by the package's `model.onnx` and `tokenizer.json`.

It answers two shapes of requests: `{"inputs": [...], "truncate": false}` with a list of vectors, as
Text Embeddings Inference does, and `{"input": [...]}` with OpenAI's object, which counts tokens.
https://huggingface.github.io/text-embeddings-inference/
https://platform.openai.com/docs/api-reference/embeddings

Texts are run one at a time: dynamic int8 scales activations over a batch, so that a text would get
another vector in other company.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

MAX_TOKENS = 256
_SPECIAL_TOKENS = 2
_OUTPUT = "sentence_embedding"
_SLOWER = ["SkipLayerNormFusion"]
"""On a CPU the fused operator is slower than its parts; the functions leave it out, too, so that
both give the same vectors.
"""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A session and its tokenizer."""

    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer
    name: str


def model_fn(model_dir: str) -> EmbeddingModel:
    """Load the model that lies in `model_dir`."""
    folder = Path(model_dir)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(
        str(folder / "model.onnx"),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=_SLOWER,
    )
    return EmbeddingModel(session, tokenizer, "text-embeddings")


def predict_fn(data: Any, model: EmbeddingModel) -> Any:
    """Return the vectors of a request's texts. Raises ValueError where it is at fault."""
    if not isinstance(data, dict) or ("inputs" in data) == ("input" in data):
        raise ValueError("The request must be an object with either inputs or input.")
    openai = "input" in data
    texts = _texts(data["input" if openai else "inputs"])
    truncate = _truncates(data)
    ids = [_ids(model.tokenizer, place, text, truncate) for place, text in enumerate(texts)]
    vectors = [_vector(model.session, each) for each in ids]
    return _as_openai(model.name, vectors, sum(map(len, ids))) if openai else vectors


def _texts(given: Any) -> Sequence[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise ValueError("The texts must be one text, or a list of them that is not empty.")
    return texts


def _truncates(data: Mapping[str, Any]) -> bool:
    truncate = data.get("truncate", False)
    if not isinstance(truncate, bool):
        raise ValueError("truncate must be true or false.")
    return truncate


def _ids(tokenizer: Tokenizer, place: int, text: str, truncate: bool) -> list[int]:
    ids = list(tokenizer.encode(text).ids)
    if len(ids) <= _SPECIAL_TOKENS:
        raise ValueError(f"Text {place} has nothing to embed.")
    if len(ids) <= MAX_TOKENS:
        return ids
    if not truncate:
        raise ValueError(f"Text {place} has {len(ids)} tokens; the model takes {MAX_TOKENS}.")
    return [*ids[: MAX_TOKENS - 1], ids[-1]]


def _vector(session: onnxruntime.InferenceSession, ids: list[int]) -> list[float]:
    tokens = np.array([ids], np.int64)
    feed = {
        "input_ids": tokens,
        "attention_mask": np.ones_like(tokens),
        "token_type_ids": np.zeros_like(tokens),
    }
    (found,) = session.run([_OUTPUT], feed)
    return [float(number) for number in found[0]]


def _as_openai(name: str, vectors: list[list[float]], tokens: int) -> dict[str, Any]:
    return {
        "object": "list",
        "model": name,
        "data": [
            {"object": "embedding", "index": place, "embedding": vector}
            for place, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
