"""Tests that need torch, which `make test` runs in the training environment; no other sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from models.common.job import ROOT, Job
from tests.trained_models import shared_folder

collect_ignore_glob = [] if find_spec("torch") and find_spec("diffusers") else ["test_*.py"]

PROJECT = Path(__file__).parents[2]

Laid = Callable[..., Job]
"""Lays the folders of a job with these hyperparameters and channels, and reads it."""


Channel = Callable[[str], Path]
"""Gives the channel of a data set, prepared once."""

Smoke = Callable[[str], Path]
"""Gives the folder of a recipe's smoke preset as `models.rehearse` leaves it, made once."""


@pytest.fixture(scope="session")
def channel() -> Channel:
    """Channels by the names of their data sets, prepared by whichever test asks first; one whose
    packages cannot be had is skipped.
    """
    from models.common.failures import NoDataset
    from models.datasets.__main__ import prepare

    made_in = shared_folder() / "data"

    def prepared(name: str) -> Path:
        folder, whole = made_in / name, made_in / f"{name}.whole"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(made_in / f"{name}.lock"):
            if not whole.is_file():
                try:
                    prepare(name, folder)
                except NoDataset as error:
                    pytest.skip(str(error))
                whole.touch()
        return folder

    return prepared


@pytest.fixture(scope="session")
def digits(channel: Channel) -> Path:
    """The channel of handwritten digits."""
    return channel("digits")


@pytest.fixture(scope="session")
def smoke(channel: Channel) -> Smoke:
    """Models of smoke presets, trained, judged and exported by whichever test asks first."""
    from models.common import recipe, running
    from models.rehearse import lay

    made_in = shared_folder()

    def train(name: str, root: Path) -> None:
        found = recipe.load(name)
        bases = {key: trained(base) / "finish" / "model" for key, base in found.bases.items()}
        data = channel(found.dataset.name)
        lay(root / "train", {"recipe": name, "preset": "smoke"}, {"training": data, **bases})
        made = Job.of({ROOT: str(root / "train")})
        running.run(made, {}, lambda _: None)
        lay(root / "finish", {"task": "finish"}, {"training": data, "model": made.model})
        running.run(Job.of({ROOT: str(root / "finish")}), {}, lambda _: None)

    def trained(name: str) -> Path:
        with FileLock(made_in / f"{name}.lock"):
            root = made_in / name
            if not (root / "finish" / "model" / "signature.json").is_file():
                train(name, root)
        return root

    return trained


@pytest.fixture
def laid(tmp_path: Path) -> Laid:
    """Job folders below a root of this test."""
    from models.rehearse import lay

    def make(asked: Mapping[str, Any], channels: Mapping[str, Path], name: str = "job") -> Job:
        lay(tmp_path / name, asked, channels)
        return Job.of({ROOT: str(tmp_path / name)})

    return make


def weights_of(path: Path) -> Mapping[str, Any]:
    """Return the tensors of a safetensors file as NumPy arrays."""
    from safetensors.numpy import load_file

    found: Mapping[str, Any] = load_file(path)
    return found


def signature_of(folder: Path) -> Any:
    """Return a model's manifest as it was written."""
    return json.loads((folder / "signature.json").read_text())
