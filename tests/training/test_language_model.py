"""The language model: its network and loss by the oracles, its text, its decoding without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.data import text
from models.data.text import END
from models.evaluation import perplexity as judging
from models.evaluation.intervals import ConfidenceInterval, mean_interval
from models.failures import BadData
from models.networks.decoder import decoder, generate, log_probabilities
from models.recipes.language_model.parameters import Parameters
from models.recipes.language_model.recipe import loss
from models.reference import attention, losses
from tests.training.conftest import PROJECT, Smoke

SMALL = Parameters(
    steps=1, batch=1, learning_rate=0.1,
    vocabulary=30, width=16, inner=24, layers=2, heads=2, context=32,
)  # fmt: skip
SERVING = """
import json, sys
from pathlib import Path
import numpy as np
from chalicelib.inference.text_decoder import DecoderShape, TokenSampling, decode
from chalicelib.inference.session import open_session
folder = Path(sys.argv[1])
shape = DecoderShape.of(json.loads((folder / "signature.json").read_text())["constants"])
session = open_session(folder / "decoder.onnx")
apart, told = [], []
def decoder(tokens, keys, values):
    given = {"tokens": tokens, "past_keys": keys, "past_values": values}
    logits, keys, values = session.run(["logits", "keys", "values"], given)
    told.extend(tokens[0].tolist())
    whole, = session.run(["logits"], {
        "tokens": np.array([told]), "past_keys": shape.nothing(), "past_values": shape.nothing()})
    apart.append(float(np.abs(whole[0, -1] - logits[0, -1]).max()))
    return logits, keys, values
prompt = json.loads(sys.argv[2])
tokens = list(decode(decoder, shape, prompt, TokenSampling(20)))
print(json.dumps({"tokens": tokens, "apart": max(apart), "calls": len(apart),
                  "torch": [name for name in sys.modules if name.startswith("torch")]}))
"""


def network(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return decoder(SMALL).eval()


def norm(rows: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square normalisation: B. Zhang and R. Sennrich, arXiv:1910.07467."""
    return np.asarray(rows / np.sqrt((rows**2).mean(1, keepdims=True) + 1e-6) * weight)


def by_oracle(weights: dict[str, NDArray[np.float64]], tokens: list[int]) -> NDArray[np.float64]:
    """A Llama from the oracles: RoPE, causal heads, a gated perceptron."""
    rows, places = weights["model.embed_tokens.weight"][tokens], np.arange(float(len(tokens)))
    for layer in range(SMALL.layers):
        own = {
            name.split(f"layers.{layer}.")[1].removesuffix(".weight"): value
            for name, value in weights.items()
            if f"layers.{layer}." in name
        }
        normed = norm(rows, own["input_layernorm"])
        q, k, v = (np.split(normed @ own[f"self_attn.{each}_proj"].T, 2, axis=1) for each in "qkv")
        heads = [
            attention.attention(
                attention.rotated(q[at], places),
                attention.rotated(k[at], places),
                v[at],
                causal=True,
            )[0]
            for at in range(2)
        ]
        rows = rows + np.concatenate(heads, axis=1) @ own["self_attn.o_proj"].T
        normed = norm(rows, own["post_attention_layernorm"])
        gate = normed @ own["mlp.gate_proj"].T
        inner = gate / (1 + np.exp(-gate)) * (normed @ own["mlp.up_proj"].T)
        rows = rows + inner @ own["mlp.down_proj"].T
    return norm(rows, weights["model.norm.weight"]) @ weights["lm_head.weight"].T


def test_the_network_and_its_loss_should_be_the_oracles() -> None:
    made = network()
    weights = {name: each.double().numpy() for name, each in made.state_dict().items()}
    tokens = torch.randint(30, (2, 12))
    with torch.no_grad():
        told = loss(made, [tokens], 1)["loss"].item()
        ours = log_probabilities(made, tokens).numpy()
    logits = [by_oracle(weights, row[:-1]) for row in tokens.tolist()]
    wanted = losses.cross_entropy(np.concatenate(logits), tokens[:, 1:].reshape(-1).numpy())
    assert told == pytest.approx(wanted, abs=1e-5)
    assert -ours.mean() == pytest.approx(wanted, abs=1e-5)


def test_generating_should_be_reading_the_whole_text_each_time() -> None:
    made = network()
    prompts = torch.randint(2, 30, (3, 5))
    written = generate(made, prompts, 9)
    for row, prompt in enumerate(prompts.tolist()):
        whole = list(prompt)
        for token in written[row].tolist():
            assert token == int(made(input_ids=torch.tensor([whole])).logits[0, -1].argmax())
            whole.append(token)
            if token == END:
                break


def test_filling_on_the_left_should_change_nothing() -> None:
    made = network(1)
    prompts = torch.randint(2, 30, (2, 5))
    filled = torch.cat([torch.zeros(2, 4, dtype=torch.long), prompts], dim=1)
    mask = (filled > 0).long()
    assert (generate(made, filled, 8, mask=mask) == generate(made, prompts, 8)).all()
    told = log_probabilities(made, filled, mask)[:, 4:]
    assert told.detach().numpy() == pytest.approx(
        log_probabilities(made, prompts).detach().numpy(), abs=1e-5
    )


def test_draws_should_be_those_of_their_generator() -> None:
    made, prompts = network(), torch.randint(2, 30, (4, 3))
    one, again, other = (
        generate(made, prompts, 8, temperature=1.0, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_server_without_torch_should_decode_from_a_cache(smoke: Smoke) -> None:
    folder = smoke("language_model") / "finish" / "model"
    tokenizer, _ = text.read_tokenizer(folder)
    prompt = tokenizer.encode("athlete: a person").ids
    done = subprocess.run(
        [sys.executable, "-c", SERVING, str(folder), json.dumps(prompt)],
        cwd=PROJECT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["torch"] == []
    assert told["apart"] < 1e-4
    from models.training import artefacts

    found = artefacts.read_training(folder, folder / "unused")
    made = decoder(Parameters.model_validate(found.training.settings))
    made.load_state_dict(dict(found.weights))
    wanted = generate(made.eval(), torch.tensor([prompt]), 20)[0].tolist()
    assert told["tokens"] == (wanted[: wanted.index(END)] if END in wanted else wanted)
    assert told["calls"] == min(20, len(told["tokens"]) + 1)


TEXTS = ["a cat is an animal", "a dog is an animal", "“naïve” — 寿司 \n\t two  spaces"]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    text.write(tmp_path, text.learn_tokenizer(TEXTS, 300), TEXTS, TEXTS[2:])
    return tmp_path


def test_any_text_should_come_back_from_its_tokens(written: Path) -> None:
    found = text.read(written)
    assert found.tokenizer.decode(found.test[:-1].tolist()) == TEXTS[2]
    assert found.test_bytes == len(TEXTS[2].encode())
    assert (found.train == END).sum() == len(TEXTS)


def test_the_same_texts_should_make_the_same_bytes(written: Path, tmp_path: Path) -> None:
    text.write(tmp_path / "again", text.learn_tokenizer(TEXTS, 300), TEXTS, TEXTS[2:])
    for name in (text.FILE, text.TOKENIZER):
        assert (tmp_path / "again" / name).read_bytes() == (written / name).read_bytes()


def arrays(**changed: Any) -> dict[str, Any]:
    usual = {"train": np.arange(9), "test": np.arange(9), "test_bytes": np.array(9)}
    return {name: each for name, each in (usual | changed).items() if each is not None}


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (
            arrays(train=np.array([3, 9000, -1])),
            "train has 2 tokens out of 0 to 2..; .* at 1, 9000",
        ),
        (arrays(test=np.zeros((2, 2), np.int64)), r"test is int64 of \(2, 2\)"),
        (arrays(test=np.zeros(0, np.int64)), r"test is int64 of \(0,\)"),
        (arrays(train=np.zeros(4)), "train is float64"),
        (arrays(test_bytes=np.array([1, 2])), "test_bytes has to be one whole number"),
        (arrays(test=None), "lacks test"),
    ],
)
def test_broken_tokens_should_be_told_with_their_place(
    broken: dict[str, Any], told: str, written: Path
) -> None:
    np.savez(written / text.FILE, **broken)
    with pytest.raises(BadData, match=told):
        text.read(written)


def test_what_is_no_channel_of_text_should_be_told(written: Path) -> None:
    found = text.read(written)
    with pytest.raises(BadData, match=r"has \d+ tokens, and the recipe is set to vocabulary 2048"):
        found.require(2048)
    with pytest.raises(BadData, match="fewer than a row of 4096"):
        text.token_rows(found.train, 4096)
    (written / text.FILE).write_bytes((written / text.FILE).read_bytes()[:100])
    with pytest.raises(BadData, match="is no whole NPZ file"):
        text.read(written)
    (written / text.TOKENIZER).write_text("{}")
    with pytest.raises(BadData, match="is no tokenizer's file"):
        text.read(written)


def test_counts_should_say_how_surprising_a_text_is() -> None:
    trained = np.array([2, 3, 2, 3, 2, 4])
    rows = np.array([[2, 3, 2], [4, 5, 5]])
    shares = np.array([1, 1, 4, 3, 2, 1]) / 12
    single = judging.unigram_surprise(trained, rows, 6)
    assert single == pytest.approx([-np.log(shares[[3, 2]]).mean(), -np.log(shares[[5, 5]]).mean()])
    # After 2 came 3 twice and 4 once: two kinds, so that a pair is trusted 3 parts of 5.
    after_two = (2 + 2 * shares[3]) / 5
    after_three = (2 + 1 * shares[2]) / 3
    pairs = judging.bigram_surprise(trained, rows, 6)
    assert pairs[0] == pytest.approx(-np.log([after_two, after_three]).mean())
    assert pairs[1] == pytest.approx(-np.log(shares[5]))


def test_rows_of_two_lengths_should_not_be_as_many() -> None:
    """Else scores of two contexts would be paired, row by row, though their texts are others."""
    short, long = (
        judging.held_out_rows(np.arange(90_000), length, 51_600) for length in (129, 257)
    )
    assert short.shape == (400, 129)
    assert long.shape == (200, 257)
    assert judging.held_out_rows(np.arange(1000), 129, 51_600).shape == (7, 129)
    assert judging.held_out_rows(np.arange(1000), 900, 600).shape == (1, 900)


def test_pairs_should_be_shares() -> None:
    trained = np.random.default_rng(0).integers(0, 9, 50)
    every = np.array([[first, second] for first in range(9) for second in range(9)])
    found = np.exp(-judging.bigram_surprise(trained, every, 9)).reshape(9, 9)
    assert found.sum(axis=1) == pytest.approx(np.ones(9))


def test_an_interval_should_hold_the_mean_and_be_the_same_again() -> None:
    scores = np.random.default_rng(1).normal(3, 1, 400)
    bounds = mean_interval(scores)
    assert bounds == mean_interval(scores)
    assert bounds.low < scores.mean() < bounds.high
    # The normal approximation: 1.96 standard errors on both sides.
    assert bounds.high - bounds.low == pytest.approx(2 * 1.96 * scores.std() / 20, rel=0.1)
    assert mean_interval(np.ones(7)) == ConfidenceInterval(1.0, 1.0, 1.0)
