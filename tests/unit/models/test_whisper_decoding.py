"""A Whisper of other sizes, with 128 mels and a language more as large-v3, against NumPy."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from chalicelib.inference.speech.alignment import word_times
from chalicelib.inference.speech.decoder import decode, detect_language
from chalicelib.inference.speech.mel import Samples, log_mel
from chalicelib.inference.speech.tokens import WhisperTokens
from chalicelib.inference.speech.whisper import WhisperModel
from models.pull.whisper import whisper_fp32, whisper_int8
from tests.unit.inference.speech.recordings import recording
from tests.unit.models.test_whisper import model_file
from tests.unit.models.whisper_weights import WhisperSize, whisper_weights

WIDTH, HEADS, MELS, FRAMES, CONTEXT = 256, 4, 128, 1_500, 64
ENCODER_LAYERS, DECODER_LAYERS = 3, 2
LETTERS = "abcdefghijklmnopqrstuvwxyzĠ"
LANGUAGES = ("en", "zh", "yue")
MARKS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"),
    *("<|nospeech|>", "<|notimestamps|>"),
)
TIMES = 1_501
VOCABULARY = len(LETTERS) + len(MARKS) + TIMES

Floats = NDArray[Any]


def tokenizer() -> str:
    """Return a tokenizer of single letters, with the marks of Whisper behind them."""
    made = Tokenizer(BPE({letter: number for number, letter in enumerate(LETTERS)}, []))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False)
    made.add_special_tokens([*MARKS, *(f"<|{n * 0.02:.2f}|>" for n in range(TIMES))])
    return str(made.to_str())


def weights() -> dict[str, Floats]:
    rng = np.random.default_rng(3)

    def random(*shape: int, scale: float = 0.05) -> Floats:
        return rng.normal(0, scale, shape).astype(np.float32)

    size = WhisperSize(WIDTH, HEADS, MELS, FRAMES, CONTEXT, ENCODER_LAYERS, DECODER_LAYERS)
    return whisper_weights(size, random, random(VOCABULARY, WIDTH, scale=0.2), gamma=1.0)


class Oracle:
    """The same network in NumPy, token by token of nothing: all at once."""

    def __init__(self, tensors: dict[str, Floats]) -> None:
        self.tensors = tensors

    def linear(self, value: Floats, name: str, part: slice = slice(None)) -> Floats:
        matrix, bias = self.tensors[f"{name}/weight"][part], self.tensors[f"{name}/bias"][part]
        return np.asarray(value @ matrix.T + bias)

    def norm(self, value: Floats, name: str) -> Floats:
        apart = value - value.mean(-1, keepdims=True)
        scaled = apart / np.sqrt((apart**2).mean(-1, keepdims=True) + 1e-5)
        return np.asarray(scaled * self.tensors[f"{name}/gamma"] + self.tensors[f"{name}/beta"])

    def attended(self, query: Floats, key: Floats, value: Floats, *, causal: bool) -> Floats:
        parts = [np.split(each, HEADS, axis=-1) for each in (query, key, value)]
        mixed = []
        for q, k, v in zip(*parts, strict=True):
            scores = q @ k.T / math.sqrt(WIDTH // HEADS)
            if causal:
                scores = np.where(np.tri(len(q), dtype=bool), scores, -np.inf)
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            mixed.append(shares / shares.sum(-1, keepdims=True) @ v)
        return np.concatenate(mixed, axis=-1)

    def layer(self, value: Floats, name: str, sound: Floats | None = None) -> Floats:
        normal = self.norm(value, f"{name}/self_attention/layer_norm")
        fused = self.linear(normal, f"{name}/self_attention/linear_0")
        mixed = self.attended(*np.split(fused, 3, axis=-1), causal=sound is not None)
        value = value + self.linear(mixed, f"{name}/self_attention/linear_1")
        if sound is not None:
            query = self.linear(
                self.norm(value, f"{name}/attention/layer_norm"), f"{name}/attention/linear_0"
            )
            key, heard = np.split(self.linear(sound, f"{name}/attention/linear_1"), 2, axis=-1)
            mixed = self.attended(query, key, heard, causal=False)
            value = value + self.linear(mixed, f"{name}/attention/linear_2")
        wide = gelu(self.linear(self.norm(value, f"{name}/ffn/layer_norm"), f"{name}/ffn/linear_0"))
        return value + self.linear(wide, f"{name}/ffn/linear_1")

    def sound(self, samples: Samples) -> Floats:
        value: Floats = log_mel(samples, MELS)[0]
        for number, stride in ((1, 1), (2, 2)):
            name = f"encoder/conv{number}"
            padded = np.pad(value, ((0, 0), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
            bent = np.einsum("oct,cnt->on", self.tensors[f"{name}/weight"], windows, optimize=True)
            value = gelu(bent + self.tensors[f"{name}/bias"][:, None])
        value = value.T + self.tensors["encoder/position_encodings/encodings"]
        for number in range(ENCODER_LAYERS):
            value = self.layer(value, f"encoder/layer_{number}")
        return self.norm(value, "encoder/layer_norm")

    def logits(self, samples: Samples, tokens: list[int]) -> Floats:
        table, sound = self.tensors["decoder/embeddings/weight"], self.sound(samples)
        value = table[tokens] + self.tensors["decoder/position_encodings/encodings"][: len(tokens)]
        for number in range(DECODER_LAYERS):
            value = self.layer(value, f"decoder/layer_{number}", sound)
        return np.asarray(self.norm(value, "decoder/layer_norm") @ table.T)


def gelu(value: Floats) -> Floats:
    """Return x Φ(x), with the error function of Abramowitz and Stegun, 7.1.26."""
    size = np.abs(value) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * size)
    series = 0.254829592 + t * (-0.284496736 + t * (1.421413741 - t * 1.453152027))
    erf = 1 - t * (series + t**4 * 1.061405429) * np.exp(-(size**2))
    return np.asarray(value * (1 + np.sign(value) * erf) / 2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, WhisperModel]:
    folder = tmp_path_factory.mktemp("whispers")
    (folder / "model.bin").write_bytes(model_file(weights()))
    config = {"alignment_heads": [[0, 1], [1, 3]], "suppress_ids": [0]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(tokenizer())
    for name, convert in (("fp32", whisper_fp32), ("int8", whisper_int8)):
        (folder / name).mkdir()
        convert(folder, folder / name)
    return {name: WhisperModel.open(folder, name) for name in ("fp32", "int8")}


def test_its_tokens_are_read_off_its_tokenizer(models: dict[str, WhisperModel]) -> None:
    tokens = models["int8"].tokens
    assert isinstance(tokens, WhisperTokens)
    assert tuple(tokens.languages) == LANGUAGES
    assert (tokens.first_time, models["int8"].context) == (VOCABULARY - TIMES, CONTEXT)


def test_another_size_says_what_its_weights_say(models: dict[str, WhisperModel]) -> None:
    tokens, samples = models["fp32"].tokens, recording()
    said = [tokens.start, tokens.languages["yue"], tokens.transcribe, 3, 7]
    expected = Oracle(weights()).logits(samples, said)
    exact = models["fp32"].decode(models["fp32"].encode(samples), said)
    assert exact.logits.shape == (len(said), VOCABULARY)
    assert np.abs(exact.logits - expected).max() < 2e-3
    assert exact.alignment.shape == (2, len(said), FRAMES)
    rounded = models["int8"].decode(models["int8"].encode(samples), said).logits
    alike = (rounded * expected).sum() / np.sqrt((rounded**2).sum() * (expected**2).sum())
    assert alike > 0.99


def test_another_size_decodes_to_the_end_and_times_its_words(
    models: dict[str, WhisperModel],
) -> None:
    model = models["int8"]
    state = model.encode(recording())
    language, _ = detect_language(model, state)
    assert language in LANGUAGES
    marks = [model.tokens.start, model.tokens.languages["yue"], model.tokens.transcribe]
    found = decode(model, state, marks)
    assert found == decode(model, state, marks)
    assert found.tokens
    assert max(found.tokens) < VOCABULARY
    text = [token for token in found.tokens if token < model.tokens.end]
    assert 0 not in text, "the suppressed token was said"
    words = model.tokens.words(text, "yue")
    times = word_times(model, state, marks, words, 5_000) if words else []
    assert len(times) == len(words)
    assert all(0 <= word.start_ms <= word.end_ms <= 5_000 for word in times)
