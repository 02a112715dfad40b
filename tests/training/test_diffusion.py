"""Diffusion: its schedule and sampler against the oracles and diffusers, and its distillation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from chalicelib.inference import diffusion
from chalicelib.inference.diffusion import DiffusionSampling, Images, Integers, NoiseSchedule
from models.failures import BadData, BadRecipe
from models.jobs.runner import run_job
from models.networks.denoiser import schedule
from models.networks.denoiser.export import draw_function
from models.networks.denoiser.network import draw_captions
from models.recipes.diffusion.recipe import CODE, objective
from models.reference import diffusion as reference
from models.training import artefacts, recipe
from tests.training.conftest import PROJECT, Laid, Smoke, signature_of

STEPS = 60
KEPT = schedule.kept_shares(STEPS)
BETAS = np.minimum(reference.cosine_betas(STEPS), schedule.MOST_BETA)
SHAPE = (1, 4, 4)

DRAWING = """
import json, sys
from pathlib import Path
import numpy as np
import onnxruntime
from chalicelib.inference import diffusion
from chalicelib.inference.vocabulary import PromptVocabulary
folder = Path(sys.argv[1])
told = json.loads((folder / "signature.json").read_text())
known = told["constants"]
session = onnxruntime.InferenceSession(folder / told["graphs"]["denoiser"]["file"])
words = PromptVocabulary.of((folder / "vocabulary.json").read_bytes())
def denoise(image, step, tokens):
    return session.run(["noise"], {"image": image, "step": step, "tokens": tokens})[0]
size = known["prompt_tokens"]
tokens = np.stack([words.tokens(said, size) for said in ("a bold three", "the digit seven", "")])
schedule = diffusion.NoiseSchedule(known["alphas_cumprod"], known["lowest"], known["highest"])
start = diffusion.noise(0, 3, (known["channels"], known["side"], known["side"]))
how = diffusion.DiffusionSampling(known["sampling_steps"], known["guidance"])
drawn = diffusion.sample(denoise, schedule, start, tokens, np.zeros_like(tokens), how)
found = {"drawn": drawn.tolist(), "tokens": tokens.tolist(), "torch": "torch" in sys.modules}
print(json.dumps(found))
"""


class Silent(torch.nn.Module):
    """Predicts that nothing moves."""

    def forward(self, seen: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(seen)


def pictures(count: int, seed: int = 1) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.rand(count, *SHAPE, generator=stream) * 2 - 1


def untrained(image: Images, step: Integers, _tokens: Integers) -> Images:
    """Something smooth that is no prediction of anything."""
    return np.sin(image * 2 + step[:, None, None, None] / 20).astype(np.float32)


def sampled(how: DiffusionSampling, start: Images) -> Images:
    none = np.zeros((len(start), 1), np.int64)
    return diffusion.sample(untrained, NoiseSchedule(KEPT.tolist()), start, none, none, how)


def test_the_schedule_should_be_the_oracles() -> None:
    assert KEPT.numpy() == pytest.approx(reference.kept_shares(BETAS), abs=1e-6)
    assert schedule.kept_shares(1000)[-1] == pytest.approx(1.18e-4, rel=0.01)


def test_noise_should_come_in_as_the_oracle_has_it_and_out_by_the_velocity() -> None:
    images, noise, step = pictures(3), torch.randn(3, *SHAPE), torch.tensor([0, 30, 59])
    seen = schedule.add_noise(images, noise, KEPT[step])
    for at in range(3):
        kept = float(KEPT[step[at]])
        wanted = reference.add_noise(images[at].double().numpy(), noise[at].double().numpy(), kept)
        assert seen[at].numpy() == pytest.approx(wanted, abs=1e-6)
    velocity = schedule.velocity(images, noise, KEPT[step])
    assert schedule.clean_pictures(seen, velocity, KEPT[step]).numpy() == pytest.approx(
        images.numpy(), abs=1e-6
    )
    assert schedule.predicted_noise(seen, velocity, KEPT[step]).numpy() == pytest.approx(
        noise.numpy(), abs=1e-6
    )
    theirs = DDPMScheduler(STEPS, trained_betas=BETAS)
    assert theirs.get_velocity(images, noise, step).numpy() == pytest.approx(
        velocity.numpy(), abs=1e-5
    )


def test_the_loss_should_be_the_error_of_the_velocity() -> None:
    settings = recipe.resolve(recipe.load("diffusion"), "smoke", {"noise_steps": STEPS})
    images, captions = pictures(8), torch.ones(8, 2, 6, dtype=torch.long)
    torch.manual_seed(4)
    told = objective(settings)(Silent(), [images, captions, torch.full((8,), 2)], 1)  # type: ignore[arg-type]
    torch.manual_seed(4)
    kept = reference.kept_shares(BETAS)[torch.randint(STEPS, (8,)).numpy()]
    noise = torch.randn(8, *SHAPE).numpy().reshape(8, -1)
    flat = images.numpy().reshape(8, -1)
    errors = np.mean((np.sqrt(kept[:, None]) * noise - np.sqrt(1 - kept[:, None]) * flat) ** 2, 1)
    assert float(told["loss"]) == pytest.approx(errors.mean(), rel=1e-4)
    assert float(told["noise_error"]) == pytest.approx((kept * errors).mean(), rel=1e-4)


def test_one_caption_of_each_picture_should_be_taken_or_none() -> None:
    captions = torch.arange(1, 2001).reshape(1000, 2, 1)
    counts = torch.tensor([1, 2]).repeat(500)
    torch.manual_seed(0)
    found = draw_captions(captions, counts, 0.25)[:, 0]
    assert 200 < int((found == 0).sum()) < 300
    kept = found > 0
    of_first = found == captions[:, 0, 0]
    of_second = found == captions[:, 1, 0]
    assert bool((of_first | of_second)[kept].all())
    assert not bool(of_second[counts == 1].any())
    assert 300 < 2 * int(of_second.sum()) < 450


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [5, 60])
def test_the_sampler_should_be_the_ddim_of_diffusers(steps: int, eta: float) -> None:
    start = diffusion.noise(2, 3, SHAPE)
    ours = sampled(DiffusionSampling(steps, eta=eta, seed=2), start)
    theirs = DDIMScheduler(STEPS, trained_betas=BETAS, timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    streams = [np.random.default_rng([2, at, 1]) for at in range(3)]
    rows = torch.from_numpy(start)
    for step in theirs.timesteps:
        predicted = untrained(rows.numpy(), np.full(3, int(step)), np.zeros((3, 1), np.int64))
        drawn = np.stack([each.standard_normal(SHAPE, np.float32) for each in streams])
        rows = theirs.step(
            torch.from_numpy(predicted),
            step,
            rows,
            eta=eta,
            use_clipped_model_output=True,
            variance_noise=torch.from_numpy(drawn),
        ).prev_sample
    assert ours == pytest.approx(rows.numpy(), abs=2e-4)


def test_all_steps_with_all_noise_should_be_the_ddpm_of_diffusers() -> None:
    start = diffusion.noise(7, 2, SHAPE)
    ours = sampled(DiffusionSampling(STEPS, eta=1.0, seed=7), start)
    theirs = DDPMScheduler(STEPS, trained_betas=BETAS)
    streams = [np.random.default_rng([7, at, 1]) for at in range(2)]
    rows = torch.from_numpy(start)
    for step in range(STEPS - 1, -1, -1):
        predicted = untrained(rows.numpy(), np.full(2, step), np.zeros((2, 1), np.int64))
        seeded = torch.Generator().manual_seed(step)
        told = theirs.step(torch.from_numpy(predicted), step, rows, generator=seeded).prev_sample
        if step:
            deviation = float(theirs._get_variance(step)) ** 0.5
            theirs_drew = torch.randn(rows.shape, generator=torch.Generator().manual_seed(step))
            drawn = np.stack([each.standard_normal(SHAPE, np.float32) for each in streams])
            told = told + deviation * (torch.from_numpy(drawn) - theirs_drew)
        rows = told
    assert ours == pytest.approx(rows.numpy(), abs=2e-4)


@pytest.mark.parametrize("name", ["diffusion", "diffusion_distilled"])
def test_a_server_without_torch_should_draw_what_the_network_draws(name: str, smoke: Smoke) -> None:
    folder = smoke(name) / "finish" / "model"
    done = subprocess.run(
        [sys.executable, "-c", DRAWING, str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["torch"]
    tokens = np.array(told["tokens"], np.int64)
    assert np.count_nonzero(tokens, axis=1).tolist() == [3, 3, 0]
    network, settings = trained(folder)
    wanted = draw_function(network.drawing, settings)(tokens, np.zeros_like(tokens))
    assert np.array(told["drawn"]) == pytest.approx(wanted, abs=1e-3)
    assert wanted.std() > 0.1


def test_what_is_served_should_be_the_moving_average(smoke: Smoke) -> None:
    network, settings = trained(smoke("diffusion") / "finish" / "model")
    live, average = (dict(each.named_parameters()) for each in (network.live, network.drawing))
    assert live.keys() == average.keys()
    assert any((live[name] != average[name]).any() for name in live)
    exported = CODE.graphs(network, settings)["denoiser"].module.state_dict()
    assert all((exported[f"_network.{name}"] == average[name]).all() for name in average)


def test_the_manifest_should_have_what_a_sampler_needs(smoke: Smoke) -> None:
    for name in ("diffusion", "diffusion_distilled"):
        told = signature_of(smoke(name) / "finish" / "model")
        known = told["constants"]
        assert len(known["alphas_cumprod"]) == known["steps"] == 1000
        assert sorted(known["alphas_cumprod"], reverse=True) == known["alphas_cumprod"]
        assert (known["lowest"], known["highest"]) == (-1, 1)
        assert set(told["files"]) == {"vocabulary.json"}
        assert [each["name"] for each in told["graphs"]["denoiser"]["inputs"]] == [
            "image",
            "step",
            "tokens",
        ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"sampling_steps": 1001}, "sampling_steps may be noise_steps at most"),
        ({"width": 12}, "width: Input should be a multiple of 8"),
        ({"average": 1}, "average: Input should be less than 1"),
    ],
)
def test_settings_that_cannot_be_should_be_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        recipe.resolve(recipe.load("diffusion"), "tiny", asked)


def test_words_should_be_those_that_the_recipe_was_set_to(
    laid: Laid, smoke: Smoke, tmp_path: Path
) -> None:
    data = smoke("diffusion") / "train" / "input" / "data" / "training"
    job = laid({"recipe": "diffusion", "preset": "smoke", "words": 5}, {"training": data})
    with pytest.raises(BadData, match="has 17 words, and the recipe is set to words 5"):
        run_job(job, {}, lambda _: None)


def trained(folder: Path) -> tuple[Any, Any]:
    """Return the network of a folder, and its settings."""
    found = artefacts.read_training(folder, folder / "unused")
    kind = recipe.parameters_of(found.training.recipe)
    settings = kind.model_validate(found.training.settings)
    network = CODE.network(settings)  # type: ignore[arg-type]
    network.load_state_dict(dict(found.weights))
    return network.eval(), settings
