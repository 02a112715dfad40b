"""The fp32 source, pooled as the recipe pools it, against what the model's authors publish."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from chalicelib.generation.catalogue import catalogue
from chalicelib.inference.embedder import Embedder
from chalicelib.inference.tokenizers import SentenceTokenizer
from models.pull import sources
from models.pull.cache import pull, sha256_of
from models.pull.sentence_graph import pooled

SENTENCES = ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")


@pytest.mark.slow
def test_fp32_reproduces_the_published_cosines(tmp_path: Path) -> None:
    source = catalogue().model("minilm-l6-v2-int8").sources[0]
    sources.fetch(source, source.files, tmp_path, lambda step: None)
    assert {sha256_of(tmp_path / file.name) for file in source.files} == {
        file.sha256 for file in source.files
    }
    onnx.save(pooled(onnx.load(tmp_path / "model.onnx")), tmp_path / "pooled.onnx")
    session = onnxruntime.InferenceSession(
        str(tmp_path / "pooled.onnx"), providers=["CPUExecutionProvider"]
    )
    tokens = SentenceTokenizer(tmp_path / "tokenizer.json")

    def embed(text: str) -> NDArray[np.float32]:
        ids = np.array([tokens.ids(text)])
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        outputs = session.run(None, {**feed, "token_type_ids": np.zeros_like(ids)})
        vector: NDArray[np.float32] = outputs[0][0]
        return vector

    a, b, c = map(embed, SENTENCES)
    assert [a @ b, a @ c, b @ c] == pytest.approx([0.6660, 0.1046, 0.1411], abs=5e-5)


@pytest.mark.slow
def test_the_fp32_model_of_the_catalogue_reproduces_them_too() -> None:
    (folder,) = pull(["minilm-l6-v2-fp32"])
    a, b, c = Embedder.open(folder.parent, "minilm-l6-v2-fp32").embed(SENTENCES)
    assert [a @ b, a @ c, b @ c] == pytest.approx([0.6660, 0.1046, 0.1411], abs=5e-5)
