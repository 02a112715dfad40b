"""The sampler, with denoisers that know what they do."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference import diffusion
from chalicelib.inference.diffusion import DiffusionSampling, Images, Integers, NoiseSchedule
from models.reference import diffusion as reference

KEPT = reference.kept_shares(np.minimum(reference.cosine_betas(100), 0.1))
SCHEDULE = NoiseSchedule(tuple(KEPT))
SHAPE = (1, 4, 4)


def prompts(*numbers: int) -> Integers:
    return np.array([[number, 0] for number in numbers], np.int64)


def target(tokens: Integers) -> Images:
    """Prompt n stands for a picture that is n tenths all over; none for black."""
    return (tokens[:, 0, None, None, None] / 10).astype(np.float32) * np.ones(SHAPE, np.float32)


def perfect(image: Images, step: Integers, tokens: Integers) -> Images:
    """Predicts the noise of the one picture that a prompt stands for."""
    kept = KEPT[step].astype(np.float32)[:, None, None, None]
    return np.asarray((image - np.sqrt(kept) * target(tokens)) / np.sqrt(1 - kept), np.float32)


def untrained(image: Images, step: Integers, tokens: Integers) -> Images:
    shift = step[:, None, None, None] / 100 + tokens[:, :1, None, None]
    return np.tanh(image * 0.7 + shift).astype(np.float32)


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_should_come_to_the_picture_that_the_network_knows(steps: int, eta: float) -> None:
    start, tokens = diffusion.noise(3, 2, SHAPE), prompts(4, -7)
    drawn = diffusion.sample(
        perfect, SCHEDULE, start, tokens, prompts(0, 0), DiffusionSampling(steps, eta=eta)
    )
    assert drawn.dtype == np.float32
    assert drawn == pytest.approx(target(tokens), abs=1e-4)


def test_should_take_the_oracles_steps() -> None:
    schedule = NoiseSchedule(tuple(KEPT), -1e9, 1e9)
    start, how = diffusion.noise(1, 2, SHAPE), DiffusionSampling(5, guidance=3.0)
    wanted, unwanted = prompts(1, 2), prompts(3, 3)
    drawn = diffusion.sample(untrained, schedule, start, wanted, unwanted, how)
    rows = start.astype(np.float64)
    steps = [99, 79, 59, 39, 19]
    for step, before in zip(steps, [*KEPT[steps[1:]], 1.0], strict=True):
        at = np.full(2, step)
        seen = rows.astype(np.float32)
        predicted = reference.guided(
            untrained(seen, at, wanted).astype(np.float64),
            untrained(seen, at, unwanted).astype(np.float64),
            3.0,
        )
        rows = reference.ddim_step(rows, predicted, KEPT[step], before)
    assert drawn == pytest.approx(rows, rel=1e-4, abs=1e-4)


def test_the_negative_prompt_should_push_away() -> None:
    start, tokens = diffusion.noise(3, 1, SHAPE), prompts(2)
    pushed = [
        diffusion.sample(
            perfect, SCHEDULE, start, tokens, prompts(number), DiffusionSampling(10, guidance=2)
        ).mean()
        for number in (0, 3, 6)
    ]
    assert pushed == sorted(pushed, reverse=True)
    assert pushed[0] > 0.2 > pushed[1]


def test_guidance_of_one_should_ask_for_the_prompt_alone() -> None:
    asked: list[int] = []

    def counting(image: Images, step: Integers, tokens: Integers) -> Images:
        asked.append(len(image))
        return perfect(image, step, tokens)

    for guidance in (1.0, 2.0):
        diffusion.sample(
            counting,
            SCHEDULE,
            diffusion.noise(0, 3, SHAPE),
            prompts(1, 2, 3),
            prompts(0, 0, 0),
            DiffusionSampling(2, guidance),
        )
    assert asked == [3, 3, 6, 6]


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_picture_should_be_the_same_however_many_are_drawn(eta: float) -> None:
    def drawn(count: int) -> Images:
        how = DiffusionSampling(6, 2.0, eta, seed=9)
        start = diffusion.noise(9, count, SHAPE)
        tokens = prompts(*range(count))
        return diffusion.sample(untrained, SCHEDULE, start, tokens, prompts(*[0] * count), how)

    assert (drawn(5)[:2] == drawn(2)).all()
    assert (drawn(2) == drawn(2)).all()


def test_the_seed_should_decide_the_noise_on_the_way() -> None:
    start, tokens = diffusion.noise(0, 1, SHAPE), prompts(1)
    some, others = (
        diffusion.sample(
            untrained, SCHEDULE, start, tokens, prompts(0), DiffusionSampling(6, 1, 1, seed)
        )
        for seed in (1, 2)
    )
    assert (some != others).any()


def test_should_visit_the_noisiest_step_and_go_down_evenly() -> None:
    assert diffusion.visited_steps(1000, 1) == [999]
    assert diffusion.visited_steps(1000, 4) == [999, 749, 499, 249]
    assert diffusion.visited_steps(5, 5) == [4, 3, 2, 1, 0]


@given(total=st.integers(1, 2000), share=st.floats(0, 1))
def test_the_visited_steps_should_fall_and_be_as_many_as_asked(total: int, share: float) -> None:
    steps = max(1, round(total * share))
    visited = diffusion.visited_steps(total, steps)
    assert len(visited) == steps
    assert visited[0] == total - 1
    assert all(earlier > later for earlier, later in pairwise(visited))
    assert visited[-1] >= 0


def test_a_walk_should_begin_and_end_at_its_seeds_and_keep_its_length() -> None:
    shape = (1, 8, 8)
    walked = diffusion.interpolate(5, 6, 7, shape)
    assert walked.dtype == np.float32
    assert walked[0] == pytest.approx(diffusion.noise(5, 1, shape)[0], abs=1e-6)
    assert walked[-1] == pytest.approx(diffusion.noise(6, 1, shape)[0], abs=1e-6)
    lengths = np.linalg.norm(walked.reshape(7, -1), axis=1)
    assert lengths.min() >= min(lengths[0], lengths[-1]) * 0.99
    turned = [float(np.vdot(a, b)) for a, b in pairwise(walked)]
    assert all(each > 0 for each in turned)


def test_a_walk_between_the_same_seeds_should_stand_still() -> None:
    walked = diffusion.interpolate(5, 5, 3, SHAPE)
    assert walked == pytest.approx(np.repeat(diffusion.noise(5, 1, SHAPE), 3, axis=0), abs=1e-6)


@pytest.mark.parametrize(
    ("how", "field"),
    [
        (DiffusionSampling(0), "steps"),
        (DiffusionSampling(101), "steps"),
        (DiffusionSampling(5, guidance=-0.1), "guidance"),
        (DiffusionSampling(5, guidance=math.nan), "guidance"),
        (DiffusionSampling(5, guidance=20.5), "guidance"),
        (DiffusionSampling(5, eta=1.5), "eta"),
    ],
)
def test_should_refuse_what_is_out_of_its_bounds(how: DiffusionSampling, field: str) -> None:
    start = diffusion.noise(0, 1, SHAPE)
    with pytest.raises(InvalidInput, match=f"{field} is .* has to be from") as refused:
        diffusion.sample(perfect, SCHEDULE, start, prompts(0), prompts(0), how)
    assert refused.value.field == field
    assert refused.value.limit


@pytest.mark.parametrize("wrong", [np.full((1, *SHAPE), np.nan), np.zeros((1, 1, 4, 3))])
def test_should_refuse_what_is_no_noise(wrong: Images) -> None:
    start = diffusion.noise(0, 1, SHAPE)
    with pytest.raises(ModelFailure, match="at step 99"):
        diffusion.sample(
            lambda *_: wrong.astype(np.float32),
            SCHEDULE,
            start,
            prompts(0),
            prompts(0),
            DiffusionSampling(2),
        )


def test_should_refuse_a_seed_below_nought() -> None:
    with pytest.raises(InvalidInput, match="seed is -1") as refused:
        diffusion.noise(-1, 1, SHAPE)
    assert refused.value.field == "seed"
