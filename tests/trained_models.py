"""Models of smoke presets, trained in the training environment by whichever worker asks first."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from localcloud.sagemaker.training.service import INTERPRETER
from models.common import recipe
from tests.cloud import PROJECT
from tests.exported_models import Files

LIMIT_SECONDS = 600


def shared_by_workers(factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of a run have in common."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "trained"
    folder.mkdir(exist_ok=True)
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
