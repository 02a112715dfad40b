"""Tables of the results of several seeds; the worst seed is compared with the gate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.runs.processes import ProcessResult
from models.runs.trainer import MODEL, REFUSAL, SeededRun
from models.training import recipe
from models.training.gates import Gate
from models.training.job import EVALUATION


def worst(gate: Gate, values: Sequence[float]) -> float:
    """Return the worst value for a gate: nearest to missing it, or furthest beyond."""
    return min(values) if gate.least is not None else max(values)


def report(done: Mapping[SeededRun, ProcessResult], into: Path) -> str:
    """Return a table of all gated metrics of finished trainings."""
    lines = ["| recipe | number | seeds | worst | gate | seconds | CPU s |", f"|{' --- |' * 7}"]
    for name, group in _by_name(done).items():
        trained = [run for run in group if not done[run].code]
        evaluations = [evaluation(into, run) for run in trained]
        seconds = max((done[run].seconds for run in group), default=0.0)
        cpu = sum(done[run].cpu for run in group)
        for number, gate in recipe.load(group[0].recipe).gates.items():
            values = [each[number] for each in evaluations if number in each]
            if values:
                shown = ", ".join(f"{value:.4g}" for value in values)
                cells = (name, number, shown, f"{worst(gate, values):.4g}", bound(gate))
                lines.append(f"| {' | '.join(cells)} | {seconds:.0f} | {cpu:.0f} |")
    return "\n".join(lines) + "\n"


def bound(gate: Gate) -> str:
    """Return a gate as text, such as "≥ 0.9"."""
    return f"≥ {gate.least:g}" if gate.least is not None else f"≤ {gate.most:g}"


def _by_name(done: Mapping[SeededRun, ProcessResult]) -> dict[str, list[SeededRun]]:
    """Return the trainings of each name by their seeds, in whichever order they ended."""
    found: dict[str, list[SeededRun]] = {}
    for run in done:
        found.setdefault(run.name, []).append(run)
    return {name: sorted(group, key=lambda run: run.seed) for name, group in found.items()}


def evaluation(into: Path, run: SeededRun) -> dict[str, float]:
    """Return the evaluation of a judged training, which may have missed its gates."""
    root = into / run.name / str(run.seed)
    path = root / MODEL / EVALUATION
    if not path.is_file():
        path = root / REFUSAL / EVALUATION
    numbers: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return numbers
