"""A trial of a tuning: a training that is judged in the same job."""

from __future__ import annotations

from pathlib import Path

from models.jobs import runner
from models.training import metrics, recipe
from tests.training.conftest import Laid

FOUND = recipe.load("vae")


def test_a_trial_should_print_the_numbers_of_the_gates_and_keep_to_none(
    laid: Laid, digits: Path
) -> None:
    asked = {"task": "try", "recipe": "vae", "preset": "tiny", "steps": 30, "hidden": 32}
    asked["_tuning_objective_metric"] = "fid"
    job = laid(asked, {"training": digits})
    said: list[str] = []
    runner.run_job(job, {}, said.append)
    read = [metrics.parse_line(line) for line in said]
    last = [each for each in read if each][-1]
    assert last[0] == 30
    assert set(FOUND.gates) <= set(last[1])
    assert (job.model / "training.json").is_file()
    assert not (job.model / "signature.json").exists()
