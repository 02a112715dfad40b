"""Decoding in NumPy: what is read once, chosen how, ended where, and refused why."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.text_decoder import (
    DecoderShape,
    Floats,
    TokenIds,
    TokenSampling,
    decode,
    probabilities,
)

SHAPE = DecoderShape(layers=2, heads=1, head_size=1, vocabulary=11, context=32, end=1)
TABLE = np.random.default_rng(3).standard_normal((11, 11)).astype(np.float32) * 3
TABLE[:, 1] = -9


class Remembering:
    """A decoder whose logits depend on every token that it was given, by what its keys hold."""

    def __init__(self, ending: int | None = None) -> None:
        self.read: list[list[int]] = []
        self.ending = ending

    def __call__(
        self, tokens: TokenIds, keys: Floats, values: Floats
    ) -> tuple[Floats, Floats, Floats]:
        assert keys.shape == values.shape == (2, 1, 1, keys.shape[3], 1)
        self.read.append(tokens[0].tolist())
        new = np.broadcast_to(
            tokens.astype(np.float32)[None, :, None, :, None], (2, 1, 1, tokens.shape[1], 1)
        )
        kept = np.concatenate([keys, new], axis=3)
        told = [
            TABLE[int(kept[0, 0, 0, : at + 1, 0].sum()) % 11]
            for at in range(keys.shape[3], kept.shape[3])
        ]
        logits = np.array([told], np.float32)
        if self.ending is not None and kept.shape[3] >= self.ending:
            logits[..., 1] = 99
        return logits, kept, -kept


def uncached(prompt: list[int], count: int) -> list[int]:
    """The likeliest tokens, by reading the whole text again each time."""
    text = list(prompt)
    for _ in range(count):
        text.append(int(TABLE[sum(text) % 11].argmax()))
    return text[len(prompt) :]


@given(st.lists(st.integers(2, 10), min_size=1, max_size=12), st.integers(1, 12))
def test_should_write_what_is_written_without_a_cache(prompt: list[int], most: int) -> None:
    decoder = Remembering()
    written = list(decode(decoder, SHAPE, prompt, TokenSampling(most)))
    assert written == uncached(prompt, most)
    assert decoder.read == [prompt, *([token] for token in written[:-1])]


def test_should_stop_where_the_text_ends_and_leave_its_mark_out() -> None:
    decoder = Remembering(ending=6)
    assert len(list(decode(decoder, SHAPE, [2, 3], TokenSampling(20)))) == 4
    assert len(decoder.read) == 5


def test_should_stop_where_the_context_is_full() -> None:
    assert len(list(decode(Remembering(), SHAPE, [2] * 30, TokenSampling(20)))) == 2


def test_should_put_the_prefix_first_and_count_it() -> None:
    tuned = DecoderShape(2, 1, 1, 11, context=8, end=1, prefix=2)
    decoder = Remembering()
    assert len(list(decode(decoder, tuned, [5], TokenSampling(20)))) == 5
    assert decoder.read[0] == [11, 12, 5]
    with pytest.raises(InvalidInput, match="has 6 tokens, and may have 5 at most"):
        decode(decoder, tuned, [5] * 6, TokenSampling(1))


def test_a_seed_should_decide_what_is_drawn() -> None:
    drawn = [
        tuple(decode(Remembering(), SHAPE, [4], TokenSampling(16, temperature=1.5, seed=seed)))
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_draws_should_have_the_shares_of_the_softmax() -> None:
    first = [
        next(decode(Remembering(), SHAPE, [4], TokenSampling(1, temperature=1.0, seed=seed)))
        for seed in range(3000)
    ]
    wanted = np.exp(TABLE[4].astype(np.float64))
    wanted /= wanted.sum()
    assert np.abs(np.bincount(first, minlength=11) / 3000 - wanted).max() < 0.03


def test_should_draw_from_the_fewest_that_make_top_p() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    for top_p, kept in [(0.1, 1), (0.49, 1), (0.51, 2), (0.79, 2), (0.81, 3), (1.0, 4)]:
        shares = probabilities(logits, 1.0, top_p)
        assert np.count_nonzero(shares) == kept, top_p
    assert probabilities(logits, 1.0, 0.79)[:2] == pytest.approx([0.625, 0.375])


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=30),
    st.floats(0.0, 2.0, exclude_min=True),
    st.floats(0.0, 1.0, exclude_min=True),
)
def test_shares_should_be_shares(logits: list[float], temperature: float, top_p: float) -> None:
    given_ = np.array(logits)
    shares = probabilities(given_, temperature, top_p)
    assert shares.sum() == pytest.approx(1)
    assert shares[given_.argmax()] == shares.max()
    order = np.argsort(-given_, kind="stable")
    assert all(shares[one] >= shares[other] for one, other in pairwise(order))


def test_a_nearly_cold_draw_should_be_the_likeliest() -> None:
    told = [
        list(decode(Remembering(), SHAPE, [4], TokenSampling(9, heat))) for heat in (0.0, 1e-300)
    ]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"most": 0}, "most is 0"),
        ({"most": 1, "temperature": -0.1}, "temperature is -0.1"),
        ({"most": 1, "temperature": float("nan")}, "temperature is nan"),
        ({"most": 1, "top_p": 0.0}, "top_p is 0"),
        ({"most": 1, "seed": -1}, "seed is -1"),
    ],
)
def test_should_name_what_is_out_of_its_bounds(asked: dict[str, float], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        TokenSampling(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prompt", "told"), [([], "no tokens"), ([3, 11], "token 11"), ([-1], "token -1")]
)
def test_should_refuse_a_prompt_before_anything_is_read(prompt: list[int], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        decode(Remembering(), SHAPE, prompt, TokenSampling(1))


@pytest.mark.parametrize(
    "logits",
    [np.zeros((1, 1, 12)), np.zeros((1, 0, 11)), np.zeros((1, 11)), np.full((1, 1, 11), np.nan)],
)
def test_should_say_what_is_wrong_with_a_decoder(logits: NDArray[np.float64]) -> None:
    def broken(_: TokenIds, keys: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
        return logits.astype(np.float32), keys, values

    with pytest.raises(ModelFailure, match="The decoder gave logits"):
        list(decode(broken, SHAPE, [2], TokenSampling(1)))


def test_should_read_its_sizes_from_a_manifest() -> None:
    constants = {"layers": 2, "heads": 1, "head_size": 1, "vocabulary": 11, "context": 32, "end": 1}
    assert DecoderShape.of({**constants, "prefix": 0, "way": "lora"}) == SHAPE
    for wrong in (None, True, "2", 2.0):
        with pytest.raises(ModelFailure, match="has prefix as"):
            DecoderShape.of({**constants, "prefix": wrong})
