"""Trainings of recipes and their variants by seeds, each with its bases.

FOLDER/data/DATASET              each data set, prepared once
FOLDER/RECIPE/SEED/…             as `models.rehearse` leaves it, with log.txt
FOLDER/RECIPE-VARIANT/SEED/…
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import models.train
from models.datasets.__main__ import prepare
from models.files import write_json
from models.rehearse import LONGEST_S, RehearsalOptions, rehearse
from models.runs.processes import ProcessPool, ProcessResult
from models.training import job, recipe
from models.training.gates import missed_gates
from models.training.job import EVALUATION, REFUSED, TRAINING
from models.training.recipe import PresetName, Recipe

MODEL = Path("finish") / "model"
REFUSAL = Path("finish") / "output" / "data" / REFUSED
DATA, SECONDS, LOG = "data", "seconds.json", "log.txt"


@dataclass(frozen=True, slots=True)
class SeededRun:
    """One training: a recipe, or a variant of it, by one seed."""

    recipe: str
    variant: str
    seed: int

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return f"{self.recipe}-{self.variant}" if self.variant else self.recipe

    def needs(self) -> Mapping[str, SeededRun]:
        """Return the trainings of its bases, by channel, with the same seed."""
        bases = recipe.load(self.recipe).bases
        return {channel: SeededRun(base, "", self.seed) for channel, base in bases.items()}


def plan_runs(names: Iterable[str], seeds: Sequence[int]) -> list[SeededRun]:
    """Return the trainings of some recipes and of their bases, bases first."""
    found: dict[SeededRun, None] = {}

    def add(run: SeededRun) -> None:
        for base in run.needs().values():
            add(base)
        found[run] = None

    for name in names:
        for variant in ("", *recipe.load(name).variants):
            for seed in seeds:
                add(SeededRun(name, variant, seed))
    return list(found)


def modules_of(names: Iterable[str]) -> list[str]:
    """Return the modules that trainings and exports of some recipes import."""
    recipes = (f"models.recipes.{name}.recipe" for name in names)
    return ["models.jobs.runner", "onnxscript", "torch.onnx", *sorted(recipes)]


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trainer by a preset into a folder, each training in a process of its own."""

    preset: PresetName
    into: Path
    first: int = 0
    """The seed whose models are exported."""
    processes: ProcessPool = field(default_factory=ProcessPool)

    def prepare(self, dataset: str) -> ProcessResult:
        """Prepare a data set, for all that are trained on it."""
        folder = self.into / DATA / dataset
        log = folder.with_suffix(".log")
        return self.processes.run(_prepare, (dataset, folder), log, LONGEST_S)

    def train(self, run: SeededRun) -> ProcessResult:
        """Train and judge, unless it is done already."""
        folder = self.into / run.name / str(run.seed)
        found = recipe.load(run.recipe)
        settings = {**(found.variants[run.variant] if run.variant else {}), "seed": run.seed}
        if (folder / SECONDS).is_file():
            return self._trained_before(found, settings, folder)
        asked = {"recipe": run.recipe, "preset": self.preset, **settings}
        bases = {
            channel: self.into / base.name / str(base.seed) / "finish" / "model"
            for channel, base in run.needs().items()
        }
        way = RehearsalOptions(
            run_here, self.into / DATA / found.dataset.name, run.seed == self.first
        )
        log = folder / LOG
        shutil.rmtree(folder / REFUSAL, ignore_errors=True)
        done = self.processes.run(rehearse, (asked, folder, bases, way), log, LONGEST_S)
        if not done.code:
            write_json(folder / SECONDS, {"seconds": done.seconds, "cpu": done.cpu})
        elif note := known_miss(found, folder):
            return replace(done, code=0, note=note)
        return done

    def _trained_before(
        self, found: Recipe, settings: Mapping[str, Any], folder: Path
    ) -> ProcessResult:
        """Check an existing model against the settings and gates, which may have changed."""
        had = json.loads((folder / MODEL / TRAINING).read_text(encoding="utf-8"))
        took = json.loads((folder / SECONDS).read_text(encoding="utf-8"))
        if had["preset"] != self.preset:
            of = f"of the preset {had['preset']}"
            return ProcessResult(1, 0.0, f"{folder} has a model {of}; take another folder")
        wanted = recipe.resolve(found, self.preset, settings).model_dump(mode="json")
        if other := sorted(name for name in wanted if wanted[name] != had["settings"].get(name)):
            of = f"with another {other[0]}"
            return ProcessResult(1, 0.0, f"{folder} has a model trained {of}; take another folder")
        numbers = json.loads((folder / MODEL / EVALUATION).read_text(encoding="utf-8"))
        held = {} if self.preset == "smoke" else found.gates
        problems = missed_gates(held, numbers)
        said = "; ".join(problems) or "trained before"
        return ProcessResult(int(bool(problems)), took["seconds"], said, took["cpu"])


def known_miss(found: Recipe, folder: Path) -> str:
    """Return what a refused model misses, if its recipe says that it does, and else nothing."""
    path = folder / REFUSAL / EVALUATION
    if not path.is_file():
        return ""
    numbers = json.loads(path.read_text(encoding="utf-8"))
    known = {name: found.gates[name] for name in found.known_misses}
    others = {name: gate for name, gate in found.gates.items() if name not in known}
    return "" if missed_gates(others, numbers) else "; ".join(missed_gates(known, numbers))


def _prepare(dataset: str, folder: Path) -> int:
    prepare(dataset, folder)
    return 0


def run_here(root: Path) -> int:
    """Run the job whose folders lie below `root`, in this process."""
    return models.train.main({**os.environ, job.ROOT: str(root)})
