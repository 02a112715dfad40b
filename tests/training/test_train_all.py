"""All recipes by several seeds: what is trained, in which order, and what becomes of failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.runs.processes import ProcessPool, ProcessResult
from models.runs.seed_table import report, worst
from models.runs.trainer import (
    MODEL,
    REFUSAL,
    SECONDS,
    SeededRun,
    Trainer,
    known_miss,
    modules_of,
    plan_runs,
)
from models.train_all import main, train_all
from models.training import recipe
from models.training.gates import Gate
from models.training.job import EVALUATION, TRAINING
from models.training.recipe import PresetName
from tests.exported_models import reaching


def test_what_others_begin_from_should_be_trained_first_and_once() -> None:
    found = plan_runs(recipe.names(with_base_model=False), [0, 1])
    assert len(found) == len(set(found))
    for place, run in enumerate(found):
        assert all(base in found[:place] for base in run.needs().values())
    for name in recipe.names(with_base_model=False):
        variants = ("", *recipe.load(name).variants)
        assert {SeededRun(name, variant, seed) for variant in variants for seed in (0, 1)} <= set(
            found
        )


def test_one_recipe_should_bring_no_others_but_its_bases() -> None:
    assert plan_runs(["vae"], [3]) == [SeededRun("vae", "", 3)]


@pytest.mark.parametrize("workers", [1, 3])
def test_should_train_each_after_its_bases_and_none_whose_base_failed(workers: int) -> None:
    order: list[SeededRun] = []
    based = [run for run in plan_runs(recipe.names(with_base_model=False), [0]) if run.needs()]
    broken = next(iter(based[0].needs().values())) if based else SeededRun("vae", "", 0)

    def train_one(run: SeededRun) -> ProcessResult:
        order.append(run)
        return ProcessResult(int(run == broken), 1.0, "below a gate" if run == broken else "")

    done = train_all(plan_runs(recipe.names(with_base_model=False), [0]), train_one, workers)
    assert set(done) == set(plan_runs(recipe.names(with_base_model=False), [0]))
    for run in done:
        failed = [base for base in run.needs().values() if done[base].code]
        assert (run in order) == (not failed)
        if failed:
            assert done[run].said == f"{failed[0].name} failed, from which it begins"


def test_the_report_should_have_the_worst_of_the_seeds(tmp_path: Path) -> None:
    done = {}
    for seed, fid in enumerate([5.0, 7.5, 6.0]):
        model = tmp_path / "vae" / str(seed) / "finish" / "model"
        model.mkdir(parents=True)
        numbers = {"fid": fid, "recognised": 0.99 - seed / 100, "classes_drawn": 10.0}
        (model / EVALUATION).write_text(json.dumps({**numbers, "reconstruction_mse": 0.04}))
        done[SeededRun("vae", "", seed)] = ProcessResult(0, 12.0, "", cpu=10.0)
    table = report(done, tmp_path)
    assert "| vae | fid | 5, 7.5, 6 | 7.5 | ≤ 8 | 12 | 30 |" in table
    assert "| vae | recognised | 0.99, 0.98, 0.97 | 0.97 | ≥ 0.95 | 12 | 30 |" in table


def test_a_number_that_was_not_measured_should_be_left_out_of_the_report(tmp_path: Path) -> None:
    left(tmp_path, "smoke", fid=5.0)
    table = report({SeededRun("vae", "", 0): ProcessResult(0, 1.0, "", cpu=2.0)}, tmp_path)
    assert table.splitlines()[2:] == ["| vae | fid | 5 | 5 | ≤ 8 | 1 | 2 |"]


def left(into: Path, preset: PresetName, **numbers: float) -> None:
    """Leave a model of the recipe vae and seed 0, as a training does."""
    folder = into / "vae" / "0"
    (folder / MODEL).mkdir(parents=True)
    settings = recipe.resolve(recipe.load("vae"), preset, {"seed": 0}).model_dump(mode="json")
    trained = {"preset": preset, "settings": settings}
    (folder / MODEL / EVALUATION).write_text(json.dumps(numbers))
    (folder / MODEL / TRAINING).write_text(json.dumps(trained))
    (folder / SECONDS).write_text(json.dumps({"seconds": 20.0, "cpu": 15.0}))


REACHED = reaching("vae")


@pytest.mark.parametrize(
    ("preset", "numbers", "code", "told"),
    [
        ("tiny", REACHED, 0, "trained before"),
        ("smoke", REACHED, 1, "has a model of the preset smoke; take another folder"),
        ("tiny", {**REACHED, "fid": 9.0}, 1, "fid is 9 and may be 8 at most"),
        ("tiny", {"fid": 5.0}, 1, "recognised was not measured"),
    ],
)
def test_what_was_trained_before_should_be_held_to_preset_and_gates(
    tmp_path: Path, preset: PresetName, numbers: dict[str, float], code: int, told: str
) -> None:
    left(tmp_path, preset, **numbers)
    done = Trainer("tiny", tmp_path).train(SeededRun("vae", "", 0))
    assert (done.code, told in done.said) == (code, True), done


def test_what_was_trained_before_should_keep_its_seconds(tmp_path: Path) -> None:
    left(tmp_path, "tiny", **REACHED)
    done = Trainer("tiny", tmp_path).train(SeededRun("vae", "", 0))
    assert (done.seconds, done.cpu) == (20.0, 15.0)


@pytest.mark.parametrize(
    ("numbers", "note"),
    [
        ({"recall": 0.18, "recall_low": 0.5}, "recall is 0.18 and has to be 0.4 at least"),
        ({"recall": 0.18, "recall_low": 0.5, "fid": 9.0}, ""),
        ({"recall": 0.18, "recall_low": 0.5, "coverage": float("nan")}, ""),
    ],
)
def test_a_miss_that_a_recipe_tells_should_be_named_and_no_other_excused(
    tmp_path: Path, numbers: dict[str, float], note: str
) -> None:
    found = recipe.load("diffusion_distilled")
    (tmp_path / REFUSAL).mkdir(parents=True)
    refused = {**reaching("diffusion_distilled"), **numbers}
    (tmp_path / REFUSAL / EVALUATION).write_text(json.dumps(refused))
    assert known_miss(found, tmp_path) == note
    assert known_miss(recipe.load("diffusion"), tmp_path) == ""


def test_what_was_trained_with_other_settings_should_be_told(tmp_path: Path) -> None:
    left(tmp_path, "tiny", **REACHED)
    path = tmp_path / "vae" / "0" / MODEL / TRAINING
    had = json.loads(path.read_text())
    path.write_text(json.dumps({**had, "settings": {**had["settings"], "latent": 3}}))
    done = Trainer("tiny", tmp_path).train(SeededRun("vae", "", 0))
    assert done.code == 1
    assert done.said.endswith("has a model trained with another latent; take another folder")


def test_the_first_seed_should_be_exported_and_the_others_judged(tmp_path: Path) -> None:
    code = main(["vae", "--preset", "smoke", "--seeds", "2", "--into", str(tmp_path)])
    assert code == 0
    exported, judged = (
        {path.name for path in (tmp_path / "vae" / seed / MODEL).iterdir()} for seed in ("0", "1")
    )
    assert judged < exported
    assert exported - judged > {"decoder.onnx", "signature.json", "CARD.md"}
    assert {EVALUATION, TRAINING, "weights.safetensors"} <= judged


def test_trainings_should_begin_from_what_was_only_judged(tmp_path: Path) -> None:
    """Of seed 1 alone: exporting the first seed's models would take longer than all of this."""
    processes = ProcessPool(modules_of(["policy", "reward_model"]))
    trainer = Trainer("smoke", tmp_path, processes=processes)
    assert trainer.prepare("preferences").code == 0
    done = train_all(plan_runs(["reward_model"], [1]), trainer.train, 2)
    assert {run.recipe: each.code for run, each in done.items()} == {"policy": 0, "reward_model": 0}
    assert not list(tmp_path.glob("policy/1/**/*.onnx"))
    assert (tmp_path / "reward_model" / "1" / MODEL / EVALUATION).is_file()


def test_the_worst_should_be_on_the_side_of_the_gate() -> None:
    assert worst(Gate(least=1), [3.0, 2.0]) == 2.0
    assert worst(Gate(most=1), [3.0, 2.0]) == 3.0


def test_should_say_what_failed_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "vae" / "0" / "train"
    folder.mkdir(parents=True)
    (folder / "input").write_text("a file in the way of the job's folder")
    code = main(["vae", "--preset", "smoke", "--seeds", "1", "--into", str(tmp_path)])
    said = capsys.readouterr().out
    assert code == 1
    assert "1 trainings in" in said
    assert "vae, seed 0: FAILED: " in said
    assert "NotADirectoryError" in said
