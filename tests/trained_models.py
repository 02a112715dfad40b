"""Models of smoke presets: where they lie, what they are made of, and how tests get them.

A model is trained once, in the training environment, and again only when something that it is made
of changes: its recipe, all code that trains it, its data set's code, the models that it begins
from, or the pinned requirements.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import pytest

from infra.packaging.closure import SourceTree
from localcloud.sagemaker.jobs.program import INTERPRETER
from models.training import recipe
from tests.cloud import PROJECT
from tests.exported_models import Files
from tests.fingerprints import fingerprint

LIMIT_SECONDS = 600
SMOKE = PROJECT / "build" / "smoke"
MODEL = Path("finish") / "model"
_ROOTS = ("chalicelib", "models")
_BY_NAME = ("models.training.recipe_code", "models.training.recipe", "models.datasets.__main__")
"""What imports modules of recipes and data sets by names that it is given."""
_TRAINING = ("models.rehearse", "models.train")
_REQUIREMENTS = ("requirements/training.txt", "requirements/torch.in")
_PROCESSORS = Path("/proc/cpuinfo")
_KINDS = ("model name", "flags", "Features", "CPU part")
_NEWEST = 2
"""How many stay of what was made of one thing at different times."""


@cache
def model_folder(name: str) -> Path:
    """Return where the smoke preset of a recipe lies, `train`, `finish` and all."""
    return SMOKE / f"{name}-{_fingerprint(_inputs().model(name))}"


@cache
def data_folder(name: str) -> Path:
    """Return where a data set lies, prepared as a channel."""
    return SMOKE / "data" / f"{name}-{_fingerprint(_inputs().data(name))}"


@cache
def _inputs() -> Inputs:
    return Inputs(PROJECT)


def _fingerprint(files: Collection[Path]) -> str:
    return fingerprint(f"{INTERPRETER} on {_processor()}", files)


def _processor() -> str:
    """Return what tells processors apart that round sums differently."""
    if not _PROCESSORS.is_file():
        return platform.processor()
    lines = _PROCESSORS.read_text().splitlines()
    return "".join(sorted({line for line in lines if line.startswith(_KINDS)}))


class Inputs:
    """The files that models and data sets of a project are made of."""

    def __init__(self, project: Path) -> None:
        """Read sources of `project`, which do not change meanwhile."""
        self.project = project
        self._sources = SourceTree(project, _ROOTS, _BY_NAME)

    def model(self, name: str) -> set[Path]:
        """Return the files that decide what a recipe's model is."""
        file = self.project / "models" / "recipes" / name / recipe.FILE
        found = recipe.read(file)
        own = (f"models.recipes.{name}.{part}" for part in ("recipe", "parameters"))
        files = {file, *self._closure(*_TRAINING, *own), *self.data(found.dataset.name)}
        return files.union(*(self.model(base) for base in found.bases.values()))

    def data(self, name: str) -> set[Path]:
        """Return the files that decide what a data set is."""
        pinned = {self.project / each for each in _REQUIREMENTS}
        return pinned | self._closure("models.datasets.__main__", f"models.datasets.{name}")

    def _closure(self, *modules: str) -> set[Path]:
        """Return the files of modules, of all that they import, and the data that these name."""
        reached = (self._sources.closure(module) for module in modules)
        named = (self._sources.named_data(module) for module in modules)
        files: set[Path] = set()
        return files.union(*reached, *named)


def remove_older(folder: Path) -> None:
    """Remove what was made of older files, beside `folder`, but for the newest."""
    name = folder.name.rpartition("-")[0]
    made = sorted(folder.parent.glob(f"{name}-*/"), key=lambda path: path.stat().st_mtime)
    for old in made[:-_NEWEST]:
        shutil.rmtree(old)


def ensure_trained(*names: str) -> Mapping[str, Path]:
    """Return the folders of recipes' smoke models; those that are missing are trained in one go.

    The test is skipped where there is no training environment, or a recipe's packages cannot be
    had.
    """
    if not INTERPRETER.exists():
        pytest.skip("make training has not been run")
    missing = [name for name in names if not is_trained(name)]
    if missing:
        _train(missing)
    return {name: model_folder(name) / MODEL for name in names}


def is_trained(name: str) -> bool:
    """Tell whether a recipe's smoke model is trained and exported."""
    return (model_folder(name) / MODEL / "signature.json").is_file()


def files(model: Path) -> Files:
    """Return the files of a model, as its version packs them."""
    return {path.name: path.read_bytes() for path in sorted(model.iterdir()) if path.is_file()}


def _train(names: Collection[str]) -> None:
    done = subprocess.run(
        [str(INTERPRETER), "-m", "tests.smoke_trainings", *names],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if "NoDataset" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
