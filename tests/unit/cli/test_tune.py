from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.failures import CommandError
from cli.main import headrace
from cli.models.tune import TuningOutcome, command_of, show_tuned
from cli.options import StageOptions
from cli.output import Output
from models.sagemaker.job_requests import JobSpec
from models.sagemaker.tuning import TrialResult
from models.training import recipe

WISH = JobSpec("headrace-dev-abc", recipe.load("vae"), "tiny", "cpu")
HERE = StageOptions(None, None, None, Path(".headrace"))
REACHING = {
    "reconstruction_mse": 0.01,
    "recognised": 1.0,
    "classes_drawn": 10.0,
    "precision": 0.9,
    "recall": 0.8,
    "recall_low": 0.7,
    "coverage": 0.6,
    "copied_high": 0.05,
}
BEST = TrialResult(
    {"hidden": 211, "learning_rate": 0.00123456},
    "Completed",
    5.0061,
    {**REACHING, "fid": 5.0061},
    41.7,
)
WORSE = TrialResult({"hidden": 96, "learning_rate": 0.004}, "Completed", 9.5, {"fid": 9.5}, 30.0)
BROKEN = TrialResult(
    {"hidden": 96, "learning_rate": 5.0}, "Failed", None, {}, 2.0, "Diverged: Step 3"
)


def tuned(best: TrialResult = BEST) -> TuningOutcome:
    settings = dict(best.settings)
    command = command_of(WISH, settings, {}, HERE)
    return TuningOutcome(WISH, [WORSE, BROKEN, best], best, settings, command)


def test_should_show_trials_and_the_command_that_trains_the_best(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_tuned(Output(), tuned())
    said = capsys.readouterr()
    rows = said.out.splitlines()
    assert rows[0].split() == [
        *("trial", "status", "hidden", "learning_rate"),
        *("fid", "gates", "seconds"),
    ]
    assert "misses reconstruction_mse, recognised, classes_drawn, fid" in rows[1]
    assert rows[3].split() == ["3", "Completed", "211", "0.001235", "5.006", "reached", "42"]
    assert "Best: trial 3, fid 5.006; it reaches every gate." in said.out
    line = next(each.strip() for each in rows if each.strip().startswith("headrace train"))
    assert shlex.split(line) == [
        *("headrace", "train", "vae", "--preset", "tiny"),
        *("--set", "hidden=211", "--set", "learning_rate=0.00123456"),
    ]
    assert "Trial 2: Diverged: Step 3" in said.err


def test_should_say_which_gates_the_best_misses(capsys: pytest.CaptureFixture[str]) -> None:
    show_tuned(Output(), tuned(replace(BEST, numbers={**BEST.numbers, "recognised": 0.5})))
    assert "but recognised is 0.5 and has to be 0.95 at least" in capsys.readouterr().out


def test_should_say_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_tuned(Output(as_json=True), tuned())
    said = json.loads(capsys.readouterr().out)
    assert [each["value"] for each in said["trials"]] == [9.5, None, 5.0061]
    assert said["settings"] == BEST.settings
    assert said["command"].startswith("headrace train vae")


def test_the_command_should_say_all_that_was_asked_for() -> None:
    wish = replace(WISH, target="gpu", spot=True, image="own:1")
    place = StageOptions("prod", "eu-west-1", None, Path(".headrace"))
    command = command_of(wish, {"objective": "wgan-gp"}, {"teacher": "arn:1"}, place)
    assert shlex.split(command)[5:] == [
        *("--target", "gpu", "--spot", "--image", "own:1", "--set", "objective=wgan-gp"),
        *("--base", "teacher=arn:1", "--stage", "prod", "--region", "eu-west-1"),
    ]


def test_should_price_a_tuning_and_send_nothing() -> None:
    asked = ["train", "vae", "--tune", "--jobs", "20", "--estimate", "--json"]
    said = json.loads(CliRunner().invoke(headrace, asked).output)
    found = {each["target"]: each for each in said}["cpu"]
    assert (found["hours"], found["most_usd"]) == (20, "4.600")
    assert found["least_spot_usd"] == "0.4600"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["diffusion", "--tune"], "diffusion has no tuning in its recipe.yaml"),
        (["vae", "--tune", "--set", "hiden=3"], "hiden: unknown"),
    ],
)
def test_should_say_what_cannot_be_tuned_before_anything_is_sent(
    tmp_path: Path, given: list[str], told: str
) -> None:
    asked = ["train", *given, "--data-dir", str(tmp_path)]
    failed = CliRunner().invoke(headrace, asked).exception
    assert isinstance(failed, CommandError)
    assert failed.exit_code == 2
    assert told in str(failed)
