"""Trains every recipe and holds it to its gates: `python -m models.train_all --into FOLDER`.

Each recipe and each of its variants is trained by several seeds, those that others begin from
first, as many at a time as there are processors. Every seed has to reach the gates. What was
trained before in the same folder is not trained again, and held to them all the same.

    FOLDER/RECIPE/SEED/…             as `models.rehearse` leaves it
    FOLDER/RECIPE-VARIANT/SEED/…
    FOLDER/report.md                 numbers, gates and seconds
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from chalicelib.contracts.exported import FILE
from models.common import gates, recipe
from models.common.finishing import EVALUATION
from models.common.recipe import Gate
from models.rehearse import LONGEST_S, PROJECT

REPORT = "report.md"
PRESETS = ("smoke", "tiny")


@dataclass(frozen=True, slots=True)
class Run:
    """One training: a recipe, or a variant of it, by one seed."""

    recipe: str
    variant: str
    seed: int

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return f"{self.recipe}-{self.variant}" if self.variant else self.recipe

    def needs(self) -> Mapping[str, Run]:
        """Return the trainings that it begins from, by their channels: by the same seed."""
        bases = recipe.load(self.recipe).bases
        return {channel: Run(base, "", self.seed) for channel, base in bases.items()}


@dataclass(frozen=True, slots=True)
class Done:
    """How a training went. `code` is what its process ended with."""

    code: int
    seconds: float
    said: str


def runs(names: Iterable[str], seeds: Sequence[int]) -> list[Run]:
    """Return the trainings of some recipes, and of those that they begin from, these first."""
    found: dict[Run, None] = {}

    def add(run: Run) -> None:
        for base in run.needs().values():
            add(base)
        found[run] = None

    for name in names:
        for variant in ("", *recipe.load(name).variants):
            for seed in seeds:
                add(Run(name, variant, seed))
    return list(found)


def train(run: Run, preset: str, into: Path) -> Done:
    """Train, judge and export in processes of their own, unless it is done already."""
    found, folder = recipe.load(run.recipe), into / run.name / str(run.seed)
    model = folder / "finish" / "model"
    if (model / FILE).is_file():
        return _trained_before(run, preset, model)
    settings = {**(found.variants[run.variant] if run.variant else {}), "seed": run.seed}
    bases = {
        channel: into / base.name / str(base.seed) / "finish" / "model"
        for channel, base in run.needs().items()
    }
    command = [sys.executable, "-m", "models.rehearse", run.recipe, "--preset", preset]
    command += ["--into", str(folder)]
    command += [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
    command += [f"--base={channel}={place.resolve()}" for channel, place in bases.items()]
    began = time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            cwd=PROJECT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Done(1, time.monotonic() - began, f"took more than {LONGEST_S:g} s")
    return Done(done.returncode, time.monotonic() - began, done.stderr[-2000:])


def _trained_before(run: Run, preset: str, model: Path) -> Done:
    """Hold a model that is there to the preset and to the gates, which may be others by now."""
    had = json.loads((model / FILE).read_text(encoding="utf-8"))["origin"]["preset"]
    if had != preset:
        return Done(1, 0.0, f"{model} has a model of the preset {had}; take another folder")
    numbers = json.loads((model / EVALUATION).read_text(encoding="utf-8"))
    held = {} if preset == "smoke" else recipe.load(run.recipe).gates
    problems = gates.missed(held, numbers)
    return Done(int(bool(problems)), 0.0, "; ".join(problems) or "trained before")


def train_all(
    wanted: Sequence[Run], train_one: Callable[[Run], Done], workers: int
) -> dict[Run, Done]:
    """Train all, each once what it begins from is there; what begins from a failure is left out."""
    done: dict[Run, Done] = {}
    waiting = list(wanted)
    with ThreadPoolExecutor(workers) as pool:
        running: dict[Future[Done], Run] = {}
        while waiting or running:
            for run in [each for each in waiting if _ready(each, done)]:
                waiting.remove(run)
                if failed := [base for base in run.needs().values() if done[base].code]:
                    done[run] = Done(1, 0.0, f"{failed[0].name} failed, from which it begins")
                else:
                    running[pool.submit(train_one, run)] = run
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                run = running.pop(future)
                done[run] = future.result()
                _say(f"{run.name}, seed {run.seed}: {_outcome(done[run])}")
    return done


def _ready(run: Run, done: Mapping[Run, Done]) -> bool:
    return all(base in done for base in run.needs().values())


def _outcome(done: Done) -> str:
    return f"{done.seconds:.0f} s" if not done.code else f"FAILED: {done.said.strip()}"


def worst(gate: Gate, values: Sequence[float]) -> float:
    """Return the value of the seed that is nearest to missing the gate, or furthest past it."""
    return min(values) if gate.least is not None else max(values)


def report(done: Mapping[Run, Done], into: Path) -> str:
    """Return a table of all numbers that have gates, of what was trained."""
    lines = ["| recipe | number | seeds | worst | gate | seconds |", f"|{' --- |' * 6}"]
    for name, group in _by_name(done).items():
        trained = [run for run in group if not done[run].code]
        evaluations = [_evaluation(into, run) for run in trained]
        seconds = max((done[run].seconds for run in group), default=0.0)
        for number, gate in recipe.load(group[0].recipe).gates.items():
            values = [each[number] for each in evaluations if number in each]
            if values:
                shown = ", ".join(f"{value:.4g}" for value in values)
                cells = (name, number, shown, f"{worst(gate, values):.4g}", _bound(gate))
                lines.append(f"| {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines) + "\n"


def _bound(gate: Gate) -> str:
    return f"≥ {gate.least:g}" if gate.least is not None else f"≤ {gate.most:g}"


def _by_name(done: Mapping[Run, Done]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in done:
        found.setdefault(run.name, []).append(run)
    return found


def _evaluation(into: Path, run: Run) -> dict[str, float]:
    path = into / run.name / str(run.seed) / "finish" / "model" / EVALUATION
    numbers: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return numbers


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the table, and exit with 1 unless every seed of all reached its gates."""
    parser = argparse.ArgumentParser(prog="python -m models.train_all", description=__doc__)
    parser.add_argument(
        "recipes", nargs="*", help=f"of {', '.join(recipe.names())}; all unless given"
    )
    parser.add_argument("--preset", default="tiny", choices=PRESETS)
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on; 3 unless given")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--into", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    wanted = runs(chosen.recipes or recipe.names(), range(chosen.seeds))
    done = train_all(wanted, lambda run: train(run, chosen.preset, chosen.into), chosen.workers)
    table = report(done, chosen.into)
    (chosen.into / REPORT).write_text(table, encoding="utf-8")
    _say(table)
    failed = [run for run, each in done.items() if each.code]
    _say(f"{len(done)} trainings in {time.monotonic() - began:.0f} s, {len(failed)} failed.")
    for run in failed:
        _say(f"{run.name}, seed {run.seed}: {_outcome(done[run])}")
    return 1 if failed else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    raise SystemExit(main())
