"""Adversarial networks: their losses, the alarm, and a server without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.failures import BadData, BadRecipe, ModeCollapse
from models.jobs import runner
from models.recipes.gan import network
from models.recipes.gan.contest import CollapseAlarm
from models.recipes.gan.parameters import Parameters
from models.recipes.gan.recipe import CODE
from models.reference.losses import binary_cross_entropy
from models.training import recipe
from models.training.artefacts import read_training
from models.training.metrics import read_history
from tests.training.conftest import PROJECT, Laid, Smoke, signature_of

SMOKE = {"recipe": "gan", "preset": "smoke"}
COLLAPSING = {
    **SMOKE,
    "objective": "minimax",
    "steps": 200,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "latent": 2,
    "collapse_steps": 50,
}
DRAWING = """
import json, sys
from pathlib import Path
import numpy as np
import onnxruntime
folder = Path(sys.argv[1])
signature = json.loads((folder / "signature.json").read_text())
size = signature["constants"]["latent"]
latents = np.random.default_rng(7).standard_normal((3, size)).astype(np.float32)
session = onnxruntime.InferenceSession(folder / "generator.onnx")
(drawn,) = session.run(["image"], {"latent": latents})
print(json.dumps({"images": drawn.tolist(), "torch": "torch" in sys.modules}))
"""

REAL = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
DRAWN = torch.tensor([[-1.0, 0.0], [0.0, -3.0]])


def settings(**given: Any) -> Parameters:
    found = recipe.resolve(recipe.load("gan"), "smoke", given)
    assert isinstance(found, Parameters)
    return found


def total(pictures: torch.Tensor) -> torch.Tensor:
    """A critic whose logit is the sum of a picture's pixels."""
    return pictures.sum(dim=1)


def sigmoid(logits: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(1 / (1 + np.exp(-logits.double().numpy())))


@pytest.mark.parametrize("objective", ["minimax", "non-saturating"])
def test_the_critics_loss_should_be_the_cross_entropy_of_smoothed_labels(objective: str) -> None:
    found = network.critic_loss(
        settings(objective=objective, label_smoothing=0.1), total, REAL, DRAWN
    )
    wanted = binary_cross_entropy(np.full(2, 0.9), sigmoid(total(REAL)))
    wanted += binary_cross_entropy(np.zeros(2), sigmoid(total(DRAWN)))
    assert found.item() == pytest.approx(wanted, rel=1e-6)


def test_the_critic_of_wgan_should_be_paid_the_difference_of_means() -> None:
    found = network.critic_loss(settings(objective="wgan-gp"), total, REAL, DRAWN)
    assert found.item() == pytest.approx(-2.0 - 2.0)


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        ("minimax", lambda p: np.log(1 - p).mean()),
        ("non-saturating", lambda p: -np.log(p).mean()),
        ("wgan-gp", lambda p: -np.log(p / (1 - p)).mean()),
    ],
)
def test_the_generators_loss_should_be_the_objectives(objective: str, wanted: Any) -> None:
    logits = torch.tensor([-2.0, 0.5, 3.0])
    found = network.generator_loss(settings(objective=objective), logits)
    assert found.item() == pytest.approx(wanted(sigmoid(logits)), rel=1e-5)


def test_only_minimax_should_lose_its_gradient_to_a_sure_critic() -> None:
    slopes = {}
    for objective in ("minimax", "non-saturating"):
        logits = torch.tensor([-12.0], requires_grad=True)
        network.generator_loss(settings(objective=objective), logits).backward()
        assert logits.grad is not None
        slopes[objective] = abs(logits.grad.item())
    assert slopes["minimax"] < 1e-5
    assert slopes["non-saturating"] > 0.99


def test_flips_should_turn_the_share_of_labels_that_is_asked_for() -> None:
    sure = torch.full((20_000, 1), 30.0)
    told = network.critic_loss(
        settings(objective="minimax", label_smoothing=0, label_flips=0.25), total, sure, -sure
    )
    assert told.item() == pytest.approx(2 * 0.25 * 30, rel=0.05)


def test_the_penalty_of_a_linear_critic_should_be_of_the_length_of_its_weights() -> None:
    linear = nn.Linear(2, 1)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[3.0, 4.0]]))
    found = network.gradient_penalty(lambda pictures: linear(pictures).squeeze(1), REAL, DRAWN)
    assert found.item() == pytest.approx((5.0 - 1.0) ** 2)
    found.backward()
    assert linear.weight.grad is not None
    assert linear.weight.grad[0].tolist() == pytest.approx([2 * 4 * 3 / 5, 2 * 4 * 4 / 5])


def test_distance_should_vanish_for_the_same_pictures_and_spread_for_one_picture() -> None:
    distance, spread = network.energy_distance(REAL, REAL)
    assert (distance.item(), spread.item()) == pytest.approx((0.0, 1.0), abs=1e-6)
    distance, spread = network.energy_distance(REAL, REAL[:1].repeat(2, 1))
    half = 2**0.5 / 2
    assert (distance.item(), spread.item()) == pytest.approx((half, 0.0), abs=1e-6)


def test_what_depends_on_the_objective_should_follow_it() -> None:
    assert settings(objective="wgan-gp").critic_steps == 3
    assert settings(objective="minimax").gradient_penalty == 0
    assert settings(objective="minimax", critic_steps=7).critic_steps == 7


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"objective": "hinge"}, "objective: Input should be 'minimax', 'non-saturating' or"),
        ({"label_smoothing": 0.1}, "wgan-gp has no labels: label_smoothing and label_flips"),
        ({"gradient_penalty": 0}, "needs a gradient_penalty above 0"),
        ({"label_flips": 0.5}, "label_flips: Input should be less than 0.5"),
    ],
)
def test_settings_that_do_not_fit_should_be_named(given: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        settings(**given)


def test_the_alarm_should_count_steps_in_a_row_and_keep_its_count() -> None:
    alarm = CollapseAlarm(bound=0.5, patience=3)
    for number, spread in enumerate([0.1, 0.2, 0.9, 0.1, 0.1], 1):
        alarm.see(number, spread, low=spread < alarm.bound)
    again = CollapseAlarm(bound=0.5, patience=3)
    again.load_state_dict(alarm.state_dict())
    with pytest.raises(ModeCollapse, match=r"Step 6: .* For 3 steps .* 0\.5 times .* 0\.3 times"):
        again.see(6, 0.3, low=True)


def test_a_generator_that_collapsed_should_end_the_training(laid: Laid, digits: Path) -> None:
    job = laid(COLLAPSING, {"training": digits})
    with pytest.raises(ModeCollapse, match="Try objective=wgan-gp"):
        runner.run_job(job, {}, lambda _: None)
    history = read_history(job.checkpoints / "history.jsonl")
    assert max(history) < 200
    assert not job.model.exists()


@pytest.mark.parametrize("objective", ["minimax", "non-saturating"])
def test_other_objectives_should_come_nearer_to_real_pictures(
    objective: str, laid: Laid, digits: Path
) -> None:
    job = laid({**SMOKE, "objective": objective}, {"training": digits})
    runner.run_job(job, {}, lambda _: None)
    history = read_history(job.model / "history.jsonl")
    distances = [history[step]["distance"] for step in sorted(history)]
    assert np.mean(distances[-6:]) < 0.7 * np.mean(distances[:6])


def test_a_server_without_torch_should_draw_what_the_average_draws(smoke: Smoke) -> None:
    model = smoke("gan") / "finish" / "model"
    done = subprocess.run(
        [sys.executable, "-c", DRAWING, str(model)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["torch"]
    drawn = np.array(told["images"])
    trained = read_training(model, model / "unused")
    network = CODE.network(CODE.parameters.model_validate(trained.training.settings))
    network.load_state_dict(dict(trained.weights))
    latents = np.random.default_rng(7).standard_normal((3, 16)).astype(np.float32)
    with torch.no_grad():
        wanted = network.eval()(torch.from_numpy(latents)).numpy()
        live = network.generator(torch.from_numpy(latents)).numpy()
    assert drawn.shape == (3, 1, 8, 8)
    assert np.abs(drawn - wanted).max() < 1e-4
    assert np.abs(drawn - live).max() > 1e-3


def test_should_be_served_as_an_autoencoders_decoder_is(smoke: Smoke) -> None:
    ours, theirs = (signature_of(smoke(name) / "finish" / "model") for name in ("gan", "vae"))
    assert ours["constants"].keys() == theirs["constants"].keys()
    generator, decoder = ours["graphs"]["generator"], theirs["graphs"]["decoder"]
    assert generator["inputs"][0]["shape"] == ["count", ours["constants"]["latent"]]
    assert generator["inputs"][0]["name"] == decoder["inputs"][0]["name"]
    assert generator["outputs"] == decoder["outputs"]


@pytest.mark.parametrize(
    ("given", "failure", "told"),
    [
        ({"side": 16}, BadData, "8 x 8 x 1, and the recipe is set to side 16"),
        ({"batch": 1}, BadRecipe, "batch: is 1 for 1 processes, and has to be 2 at least"),
        ({"batch": 5000}, BadData, "1400 rows, fewer than a batch of 5000"),
    ],
)
def test_what_cannot_be_trained_should_be_refused(
    given: dict[str, Any], failure: type[Exception], told: str, laid: Laid, digits: Path
) -> None:
    with pytest.raises(failure, match=told):
        runner.run_job(laid({**SMOKE, **given}, {"training": digits}), {}, lambda _: None)
