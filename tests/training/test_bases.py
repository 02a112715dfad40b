"""Which trained models may found others, and what is said where a user overrides that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.model_manifest import FILE, ModelOrigin, Signature
from models.failures import BadData
from models.jobs.runner import base_problems
from models.jobs.trained_bases import LoadedBases, gate_problems
from models.training import recipe
from models.training.artefacts import TrainedModel, TrainingRecord
from models.training.job import EVALUATION, UNAPPROVED_BASES, TrainingJob

WHY = "the teacher of a demonstration"


def base(folder: Path, numbers: Mapping[str, float] | None, **record: Any) -> TrainedModel:
    """Return a diffusion model as its job left it, with what was measured of it."""
    if numbers is not None:
        (folder / EVALUATION).write_text(json.dumps(numbers))
    fields = {"recipe": "diffusion", "preset": "tiny", "settings": {}, "data": "", "code": ""}
    made = TrainingRecord(**(fields | {"torch": "", "device": "cpu", "measured": {}} | record))
    return TrainedModel(folder, made, {})


def reaching() -> dict[str, float]:
    """Return numbers that lie on the bounds of all gates."""
    gates = recipe.load("diffusion").gates
    return {
        name: float(next(each for each in (gate.least, gate.most) if each is not None))
        for name, gate in gates.items()
    }


@pytest.mark.parametrize(
    ("numbers", "record", "problem"),
    [
        (reaching(), {"preset": "smoke"}, "it is of the preset smoke, which is held to no gate"),
        (None, {}, f"it has no whole {EVALUATION}, so that no gate was held to it"),
        (reaching() | {"accuracy": 0.5}, {}, "accuracy is 0.5 and has to be"),
        (reaching() | {"fid": float("nan")}, {}, "fid is nan and has to be a finite number"),
        (reaching(), {"unapproved_bases": ("a rejected one",)}, "it begins from a rejected one"),
    ],
)
def test_a_model_that_reached_no_gates_should_found_no_other(
    numbers: Mapping[str, float] | None, record: Mapping[str, Any], problem: str, tmp_path: Path
) -> None:
    (told,) = gate_problems(base(tmp_path, numbers, **record))
    assert told.startswith(problem)


def test_a_model_that_reached_its_gates_should_found_others(tmp_path: Path) -> None:
    assert gate_problems(base(tmp_path, reaching())) == []


def test_gates_on_exported_graphs_should_be_held_to_what_the_manifest_says(tmp_path: Path) -> None:
    """The evaluation was written before there were any."""
    gates = recipe.load("reward_tuning").own_gates
    numbers = dict.fromkeys(gates, 1.0)
    served = {"served_agreement": numbers.pop("served_agreement")}
    made = base(tmp_path, numbers, recipe="reward_tuning", own_data=True)
    (told,) = gate_problems(made)
    assert told == "served_agreement was not measured"
    told_by = dict.fromkeys(("recipe", "preset", "data", "code", "torch", "device"), "0" * 64)
    signature = Signature(
        name="scores",
        family="",
        licence="",
        graphs={},
        constants={},
        metrics=served,
        origin=ModelOrigin.model_validate({**told_by, "seed": 0, "steps": 1}),
    )
    (tmp_path / FILE).write_text(signature.model_dump_json())
    assert gate_problems(made) == []


def job(tmp_path: Path, **asked: str) -> TrainingJob:
    return TrainingJob(asked, {}, tmp_path, tmp_path, tmp_path, tmp_path)


def test_a_training_should_override_that_by_a_reason_alone_and_keep_it(tmp_path: Path) -> None:
    said: list[str] = []
    bases = LoadedBases({}, ("teacher: fid is 9 and may be 5 at most",))
    with pytest.raises(
        BadData, match=f"fid is 9 .* override by the hyperparameter {UNAPPROVED_BASES}"
    ):
        base_problems("tiny", bases, job(tmp_path), said.append)
    kept = base_problems("tiny", bases, job(tmp_path, unapproved_bases=WHY), said.append)
    assert kept == (WHY, *bases.problems)
    assert [WHY in said[0], "fid is 9" in said[1]] == [True, True]
    assert all(line.startswith("WARNING: ") for line in said)
    assert base_problems("smoke", bases, job(tmp_path), said.append) == ()
