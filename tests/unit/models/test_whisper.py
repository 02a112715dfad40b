from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chalicelib.inference.session import open_session
from models.pull.block_weights import ZERO, in_blocks
from models.pull.ctranslate2_files import NotCTranslate2, read_ctranslate2
from models.pull.whisper import whisper_fp32, whisper_int8
from models.pull.whisper_graphs import WhisperShape
from tests.unit.models.whisper_weights import WhisperSize, whisper_weights

WIDTH, HEADS, FRAMES, MELS, VOCABULARY, CONTEXT = 128, 2, 10, 8, 40, 16
LAYERS = 2


def weights() -> dict[str, NDArray[Any]]:
    """Return the random weights of a small Whisper, as CTranslate2 names them."""
    rng = np.random.default_rng(0)

    def random(*shape: int) -> NDArray[np.float16]:
        return rng.normal(0, 0.2, shape).astype(np.float16)

    size = WhisperSize(WIDTH, HEADS, MELS, FRAMES, CONTEXT, LAYERS, LAYERS)
    return whisper_weights(size, random, random(VOCABULARY, WIDTH))


def model_file(tensors: dict[str, NDArray[Any]], kind: str = "WhisperSpec") -> bytes:
    """Return tensors in CTranslate2's format."""
    codes = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", 6), text(kind), struct.pack("<II", 3, len(tensors))]
    for name, values in tensors.items():
        head = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        size = struct.pack("<BI", codes[values.dtype.name], values.nbytes)
        parts += [text(name), head, size, values.tobytes()]
    alias = text("decoder/projection/weight") + text("decoder/embeddings/weight")
    return b"".join([*parts, struct.pack("<I", 1), alias])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    (folder / "model.bin").write_bytes(model_file(weights()))
    config = {"alignment_heads": [[0, 1], [1, 0]], "suppress_ids": [1, 2]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    for name, convert in (("fp32", whisper_fp32), ("int8", whisper_int8)):
        (folder / name).mkdir()
        convert(folder, folder / name)
    return folder


class Small:
    """The two graphs of a small Whisper."""

    def __init__(self, folder: Path) -> None:
        self.encoder = open_session(folder / "encoder.onnx")
        self.decoder = open_session(folder / "decoder.onnx")
        mel = np.random.default_rng(1).normal(size=(1, MELS, 2 * FRAMES)).astype(np.float32)
        names = [each.name for each in self.encoder.get_outputs()]
        self.sound = dict(zip(names, self.encoder.run(None, {"mel": mel}), strict=True))

    def said(self, *runs: list[int]) -> dict[str, NDArray[Any]]:
        """Say runs of tokens one after another; return the outputs of the last."""
        size = WIDTH // HEADS
        past = {
            f"past_{kind}_{layer}": np.zeros((1, HEADS, 0, size), np.float32)
            for kind in ("key", "value")
            for layer in range(LAYERS)
        }
        names = [each.name for each in self.decoder.get_outputs()]
        found: dict[str, NDArray[Any]] = {}
        for run in runs:
            given = {"tokens": np.array([run], np.int64), **past, **self.sound}
            found = dict(zip(names, self.decoder.run(None, given), strict=True))
            past = {name: found[name.replace("past", "present")] for name in past}
        return found


def test_the_sizes_are_read_off_the_weights() -> None:
    shape = WhisperShape.of(weights())
    assert (shape.layers, shape.heads, shape.width, shape.mels) == (LAYERS, HEADS, WIDTH, MELS)
    assert (shape.frames, shape.vocabulary, shape.context) == (FRAMES, VOCABULARY, CONTEXT)


def test_tokens_one_by_one_give_what_they_give_at_once(made: Path) -> None:
    model = Small(made / "fp32")
    at_once, one_by_one = model.said([5, 7, 11, 3]), model.said([5], [7, 11], [3])
    assert np.allclose(at_once["logits"][0, -1], one_by_one["logits"][0, -1], atol=1e-4)
    assert np.allclose(at_once["present_key_1"], one_by_one["present_key_1"], atol=1e-4)
    assert at_once["alignment"].shape == (1, 2, 4, FRAMES)
    assert np.allclose(at_once["alignment"].sum(axis=3), 1, atol=1e-5)


def test_a_later_token_changes_nothing_before_it(made: Path) -> None:
    model = Small(made / "fp32")
    first, second = model.said([5, 7, 11]), model.said([5, 7, 30])
    assert np.allclose(first["logits"][0, :2], second["logits"][0, :2], atol=1e-5)
    assert not np.allclose(first["logits"][0, 2], second["logits"][0, 2], atol=1e-2)


def test_eight_bits_say_nearly_the_same(made: Path) -> None:
    exact, rounded = (Small(made / kind).said([5, 7, 11])["logits"] for kind in ("fp32", "int8"))
    alike = (exact * rounded).sum() / np.sqrt((exact**2).sum() * (rounded**2).sum())
    assert alike > 0.999
    size = {kind: (made / kind / "decoder.onnx_data").stat().st_size for kind in ("fp32", "int8")}
    assert size["int8"] < size["fp32"] / 3


def test_settings_are_kept_beside_the_graphs(made: Path) -> None:
    kept = json.loads((made / "int8" / "settings.json").read_text())
    assert kept == {"suppressed": [1, 2], "context": CONTEXT}


def test_a_block_keeps_its_greatest_value_and_its_zeros() -> None:
    columns = np.zeros((2, 256), np.float32)
    columns[0, 3], columns[1, 200] = -4.0, 2.0
    whole, scales = in_blocks(columns)
    back = (whole.astype(np.float32) - ZERO) * scales[..., None]
    assert np.allclose(back.reshape(2, 256), columns)


def test_weights_are_read_back_with_their_aliases(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(model_file(weights()))
    found = read_ctranslate2(path, "WhisperSpec")
    assert np.array_equal(found["encoder/conv1/weight"], weights()["encoder/conv1/weight"])
    assert found["decoder/projection/weight"] is found["decoder/embeddings/weight"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no model of CTranslate2"),
        (b"\x06\0\0\0\x05\0Other" * 3, "no model of CTranslate2|WhisperSpec"),
        (model_file({}, "TransformerSpec"), "'TransformerSpec' of version 6, not a WhisperSpec"),
        (model_file(weights())[:5000], "ends .* bytes too early"),
    ],
)
def test_another_file_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(NotCTranslate2, match=reason):
        read_ctranslate2(path, "WhisperSpec")
