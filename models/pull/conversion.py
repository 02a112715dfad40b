"""Conversions of a source's files into a model's files.

A recipe is deterministic: with the pinned `onnx` and `onnxruntime` the same input gives the
same bytes on every machine, so that the catalogue can hold the result to a sha256.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from models.pull.efficientnet import efficientnet_lite0
from models.pull.mpnet import mpnet_int8
from models.pull.sentence_graph import pooled, save_external
from models.pull.speaker_encoder import speaker_encoder
from models.pull.whisper import whisper_fp32, whisper_int8

Recipe = Callable[[Path, Path], None]


def minilm_int8(source: Path, target: Path) -> None:
    """Pool, normalise and quantise the fp32 MiniLM in `source` into `target`.

    Mean pooling and L2 normalisation become part of the graph, so that every caller has the
    same vectors; its only output is `sentence_embedding`. Weights are dynamic int8 a channel
    and lie in external data: opening the session then takes 22 ms in place of 36.
    """
    with tempfile.TemporaryDirectory(dir=target) as folder:
        fp32, int8 = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(pooled(onnx.load(source / "model.onnx")), fp32)
        with _quiet_root_logger():
            quantize_dynamic(fp32, int8, weight_type=QuantType.QInt8, per_channel=True)
        save_external(onnx.load(int8), target)
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")


def minilm_fp32(source: Path, target: Path) -> None:
    """Pool and normalise the fp32 MiniLM in `source` into `target`, its weights as they are."""
    save_external(pooled(onnx.load(source / "model.onnx")), target)
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """Keep the quantiser's advice, which goes to the root logger, off the user's screen."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)


RECIPES: Mapping[str, Recipe] = {
    "minilm-int8": minilm_int8,
    "minilm-fp32": minilm_fp32,
    "mpnet-int8": mpnet_int8,
    "efficientnet-lite0": efficientnet_lite0,
    "whisper-int8": whisper_int8,
    "whisper-fp32": whisper_fp32,
    "speaker-encoder": speaker_encoder,
}
