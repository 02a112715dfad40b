"""The autoencoder from its data to a server without torch."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from chalicelib.contracts.model_manifest import Signature
from models.failures import BadData, BelowGate
from models.jobs import runner
from models.training import recipe
from models.training.gates import Gate
from models.training.job import (
    CARD,
    EVALUATION,
    REFUSED,
    ROOT,
    TRAINING,
    WEIGHTS,
    TrainingJob,
)
from models.training.metrics import HISTORY, read_history
from tests.training.conftest import PROJECT, Laid, Smoke, signature_of

SMOKE = {"recipe": "vae", "preset": "smoke"}
DRAWING = """
import json, sys
from pathlib import Path
from models.serving.handlers import drawings
model = drawings.model_fn(sys.argv[1])
told = drawings.predict_fn({"seed": 7, "count": 3}, model)
print(json.dumps({"images": told["images"], "torch": "torch" in sys.modules}))
"""


@pytest.fixture
def trained(smoke: Smoke) -> TrainingJob:
    """The smoke training."""
    return TrainingJob.of({ROOT: str(smoke("vae") / "train")})


@pytest.fixture
def finished(smoke: Smoke) -> Path:
    """Its model, judged and exported."""
    return smoke("vae") / "finish" / "model"


def test_should_judge_the_archive_that_sagemaker_makes(
    trained: TrainingJob, finished: Path, digits: Path, laid: Laid, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / "model.tar.gz", "w:gz") as archive:
        archive.add(trained.model, ".")
    job = laid({"task": "judge"}, {"training": digits, "model": packed})
    runner.run_job(job, {}, lambda _: None)
    for name in (EVALUATION, WEIGHTS, TRAINING, HISTORY):
        assert (job.model / name).read_bytes() == (finished / name).read_bytes()


def test_should_lower_the_loss_and_its_parts(trained: TrainingJob) -> None:
    history = read_history(trained.model / HISTORY)
    begun = np.mean([history[step]["loss"] for step in range(1, 6)])
    ended = np.mean([history[step]["loss"] for step in range(56, 61)])
    assert ended < 0.7 * begun


def test_should_describe_what_it_exported(finished: Path) -> None:
    signature = Signature.model_validate(signature_of(finished))
    assert set(signature.graphs) == {"decoder", "encoder"}
    assert max(each.parity for each in signature.graphs.values()) <= 1e-4
    assert signature.constants["latent"] == 8
    assert signature.origin.recipe == "vae"
    card = (finished / CARD).read_text()
    for shown in ("samples.png", "loss.png", "CC-BY-4.0", signature.origin.data):
        assert shown in card
    assert (finished / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_a_server_without_torch_should_draw_what_the_network_draws(
    finished: Path, trained: TrainingJob
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRAWING, str(finished)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["torch"]
    drawn = np.array(told["images"], np.uint8)
    assert drawn.shape == (3, 8, 8, 1)
    latents = np.random.default_rng(7).standard_normal((3, 8)).astype(np.float32)
    wanted = _network(trained).decode(torch.from_numpy(latents)).detach().numpy()
    assert np.abs(drawn.astype(float) - ((wanted + 1) * 127.5).transpose(0, 2, 3, 1)).max() <= 1


def _network(trained: TrainingJob) -> Any:
    from models.recipes.vae.recipe import CODE
    from models.training import artefacts

    found = artefacts.read_training(trained.model, trained.model / "unused")
    network = CODE.network(CODE.parameters.model_validate(found.training.settings))
    network.load_state_dict(dict(found.weights))
    return network.eval()


def test_should_not_export_what_is_below_its_gates(
    trained: TrainingJob, digits: Path, laid: Laid, tmp_path: Path
) -> None:
    as_tiny = tmp_path / "as-tiny"
    as_tiny.mkdir()
    for path in trained.model.iterdir():
        (as_tiny / path.name).write_bytes(path.read_bytes())
    written = json.loads((as_tiny / "training.json").read_text()) | {"preset": "tiny"}
    (as_tiny / "training.json").write_text(json.dumps(written))
    job = laid({"task": "finish"}, {"training": digits, "model": as_tiny})
    with pytest.raises(BelowGate, match=r"not registered: reconstruction_mse is 0\.\d+ and may"):
        runner.run_job(job, {}, lambda _: None)
    assert not job.model.exists()
    refused = job.output / REFUSED
    told = (refused / "CARD.md").read_text()
    assert "**It misses its gates and may not serve:** reconstruction_mse is 0." in told
    assert "None: it was not exported." in told
    assert {"samples.png", "loss.png", "evaluation.json"} < {
        each.name for each in refused.iterdir()
    }


def test_should_finish_on_the_data_that_it_was_trained_on_alone(
    trained: TrainingJob, laid: Laid, tmp_path: Path, digits: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "images.npz").write_bytes((digits / "images.npz").read_bytes() + b"\0")
    job = laid({"task": "finish"}, {"training": other, "model": trained.model})
    with pytest.raises(BadData, match="not the data that the network was trained on"):
        runner.run_job(job, {}, lambda _: None)


def test_should_hold_pictures_to_the_recipe(laid: Laid, digits: Path) -> None:
    job = laid({**SMOKE, "side": 16}, {"training": digits})
    with pytest.raises(BadData, match="8 x 8 x 1, and the recipe is set to side 16"):
        runner.run_job(job, {}, lambda _: None)


def test_the_gates_should_be_of_numbers_that_the_evaluation_has(finished: Path) -> None:
    measured = json.loads((finished / EVALUATION).read_text())
    gates = recipe.load("vae").gates
    assert set(gates) <= set(measured)
    assert all(isinstance(each, Gate) for each in gates.values())
