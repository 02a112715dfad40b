"""Tests that need torch, which `make test` runs in the training environment; no other sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from models.training.job import ROOT, TrainingJob
from tests.trained_models import model_folder

collect_ignore_glob = [] if find_spec("torch") and find_spec("diffusers") else ["test_*.py"]

PROJECT = Path(__file__).parents[2]

Laid = Callable[..., TrainingJob]
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
    from models.failures import NoDataset
    from tests.smoke_trainings import prepare_channel

    def prepare(name: str) -> Path:
        try:
            return prepare_channel(name)
        except NoDataset as error:
            return pytest.skip(str(error))

    return prepare


@pytest.fixture(scope="session")
def digits(channel: Channel) -> Path:
    """The channel of handwritten digits."""
    return channel("digits")


@pytest.fixture(scope="session")
def smoke() -> Smoke:
    """Models of smoke presets, trained, judged and exported by whichever test asks first."""
    from models.failures import NoDataset
    from tests.smoke_trainings import train

    def trained(name: str) -> Path:
        try:
            code = train(name)
        except NoDataset as error:
            pytest.skip(str(error))
        assert code == 0, f"the smoke preset of {name} was not trained"
        return model_folder(name)

    return trained


@pytest.fixture
def laid(tmp_path: Path) -> Laid:
    """Job folders below a root of this test."""
    from models.rehearse import lay_out_job

    def make(
        asked: Mapping[str, Any], channels: Mapping[str, Path], name: str = "job"
    ) -> TrainingJob:
        lay_out_job(tmp_path / name, asked, channels)
        return TrainingJob.of({ROOT: str(tmp_path / name)})

    return make


def weights_of(path: Path) -> Mapping[str, Any]:
    """Return the tensors of a safetensors file as NumPy arrays."""
    from safetensors.numpy import load_file

    found: Mapping[str, Any] = load_file(path)
    return found


def signature_of(folder: Path) -> Any:
    """Return a model's manifest as it was written."""
    return json.loads((folder / "signature.json").read_text())
