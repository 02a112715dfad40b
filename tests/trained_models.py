"""Models of smoke presets, trained in the training environment by whichever test asks first."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from localcloud.sagemaker.jobs.program import INTERPRETER
from models.common import recipe
from tests.cloud import PROJECT
from tests.exported_models import Files
from tests.fingerprints import fingerprint

LIMIT_SECONDS = 600
SMOKE = PROJECT / "build" / "smoke"
MADE_OF = ("chalicelib", "models", "requirements/training.txt", "requirements/torch.in")
NOT_MADE_OF = {"__pycache__", "cache"}
"""Folders in those that no model is made of."""


def shared_folder() -> Path:
    """Return where smoke presets lie, `train`, `finish` and all, by their recipes' names.

    Both environments' tests use what whichever asked first has trained, until what models are made
    of changes; a run of all tests begins without any.
    """
    folder = SMOKE / fingerprint(INTERPRETER, MADE_OF, NOT_MADE_OF)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def trained(name: str, shared: Path) -> Path:
    """Return the folder of a recipe's model, trained, judged and exported below `shared`.

    The test is skipped where there is no training environment, or the recipe's packages cannot be
    had.
    """
    if not INTERPRETER.exists():
        pytest.skip("make training has not been run")
    bases = [
        f"--base={channel}={trained(base, shared)}"
        for channel, base in recipe.load(name).bases.items()
    ]
    model = shared / name / "finish" / "model"
    with FileLock(shared / f"{name}.lock"):
        if not (model / "signature.json").is_file():
            _rehearse(name, shared / name, bases)
    return model


def files(model: Path) -> Files:
    """Return the files of a model, as its version packs them."""
    return {path.name: path.read_bytes() for path in sorted(model.iterdir()) if path.is_file()}


def _rehearse(name: str, into: Path, bases: list[str]) -> None:
    done = subprocess.run(
        [
            *(str(INTERPRETER), "-m", "models.rehearse", name),
            *("--preset", "smoke", "--into", str(into), *bases),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if "NoDataset" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
