"""What smoke models are made of: what has to change for tests to train one again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cloud import PROJECT
from tests.fingerprints import fingerprint
from tests.trained_models import Inputs, remove_older

PARTS = ("chalicelib/__init__.py", "chalicelib/contracts", "models", "requirements")
PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this project that train models, to be changed."""
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        source, copy = PROJECT / part, folder / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("cache", "__pycache__", "*.png")
            shutil.copytree(source, copy, ignore=ignored)
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    return folder


@pytest.fixture(scope="module")
def inputs(project: Path) -> Inputs:
    """The files that models of the copied project are made of."""
    return Inputs(project)


def changes(inputs: Inputs, name: str, file: Path) -> bool:
    """Tell whether another byte in a file is another fingerprint of a recipe's model."""
    files, content = inputs.model(name), file.read_bytes()
    before = fingerprint(PYTHON, files, inputs.project)
    file.write_bytes(content + b"\n")
    try:
        return fingerprint(PYTHON, files, inputs.project) != before
    finally:
        file.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("vae", "models/recipes/vae/recipe.yaml"),
        ("vae", "models/recipes/vae/parameters.py"),
        ("vae", "models/recipes/vae/network.py"),
        ("vae", "models/training/loop.py"),
        ("vae", "models/jobs/finish.py"),
        ("vae", "models/evaluation/image_quality.py"),
        ("vae", "models/datasets/digits.py"),
        ("vae", "chalicelib/contracts/model_manifest.py"),
        ("vae", "requirements/training.txt"),
        ("aligned", "models/recipes/policy/recipe.py"),
        ("aligned", "models/recipes/reward_model/recipe.yaml"),
    ],
)
def test_a_file_that_a_model_is_made_of_should_change_its_fingerprint(
    inputs: Inputs, name: str, file: str
) -> None:
    assert changes(inputs, name, inputs.project / file)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("vae", "models/recipes/gan/network.py"),
        ("vae", "models/recipes/vae/CARD.md"),
        ("vae", "models/datasets/shapes.py"),
        ("vae", "models/networks/decoder.py"),
        ("vae", "models/train_all.py"),
        ("vae", "chalicelib/contracts/documents.py"),
        ("policy", "models/recipes/aligned/network.py"),
    ],
)
def test_a_file_that_a_model_is_not_made_of_should_not_change_its_fingerprint(
    inputs: Inputs, name: str, file: str
) -> None:
    assert not changes(inputs, name, inputs.project / file)


def test_a_data_set_should_be_made_of_its_own_code(inputs: Inputs) -> None:
    files = {path.name for path in inputs.data("digits")}
    assert {"digits.py", "images.py", "training.txt"} <= files
    assert files.isdisjoint({"shapes.py", "loop.py"})


def test_the_newest_two_should_stay_of_one_recipe_and_all_of_another(tmp_path: Path) -> None:
    for age, name in enumerate(("clip-1", "clip-2", "clip-3", "clip_emoji-1")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (age, age))
    remove_older(tmp_path / "clip-3")
    assert {path.name for path in tmp_path.iterdir()} == {"clip-2", "clip-3", "clip_emoji-1"}
