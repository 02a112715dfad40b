from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.failures import BadData, BadJob, BadRecipe
from models.training.job import (
    MAX_FAILURE,
    ROOT,
    TrainingJob,
    decode_hyperparameters,
    parse_settings,
)


def laid(root: Path, **files: str) -> dict[str, str]:
    config = root / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (config / f"{name}.json").write_text(text)
    return {ROOT: str(root)}


def test_should_read_the_folders_of_a_moved_root(tmp_path: Path) -> None:
    data = tmp_path / "input" / "data" / "training"
    data.mkdir(parents=True)
    (data / "row").touch()
    environ = laid(
        tmp_path,
        hyperparameters=json.dumps({"recipe": '"vae"', "steps": "30", "sagemaker_program": "x.py"}),
        resourceconfig=json.dumps({"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}),
    )
    job = TrainingJob.of(environ)
    assert job.hyperparameters == {"recipe": "vae", "steps": 30}
    assert job.channel("training") == data
    assert (job.model, job.checkpoints) == (tmp_path / "model", tmp_path / "checkpoints")
    assert (job.output, job.host) == (tmp_path / "output" / "data", "algo-2")


def test_should_stand_below_opt_ml_unless_moved() -> None:
    job = TrainingJob.of({})
    assert job.model == Path("/opt/ml/model")
    assert job.checkpoints == Path("/opt/ml/checkpoints")


def test_should_let_variables_of_the_toolkit_win(tmp_path: Path) -> None:
    environ = laid(tmp_path, hyperparameters='{"steps": "1"}') | {
        "SM_HPS": '{"steps": 2}',
        "SM_MODEL_DIR": "/elsewhere",
        "SM_CHANNEL_TRAINING": "/data/rows",
    }
    job = TrainingJob.of(environ)
    assert job.hyperparameters == {"steps": 2}
    assert job.model == Path("/elsewhere")
    assert job.channels == {"training": Path("/data/rows")}


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_should_name_the_file_that_is_broken(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadJob, match=r"hyperparameters\.json"):
        TrainingJob.of(laid(tmp_path, hyperparameters=text))


def test_should_name_the_channel_that_is_missing_or_empty(tmp_path: Path) -> None:
    (tmp_path / "input" / "data" / "training").mkdir(parents=True)
    job = TrainingJob.of({ROOT: str(tmp_path)})
    with pytest.raises(BadData, match="no channel 'model' \\(it has training\\)"):
        job.channel("model")
    with pytest.raises(BadData, match="'training' is empty"):
        job.channel("training")


def test_should_leave_as_much_of_a_reason_as_sagemaker_takes(tmp_path: Path) -> None:
    TrainingJob.of({ROOT: str(tmp_path)}).fail("x" * 5000)
    assert len((tmp_path / "output" / "failure").read_text()) == MAX_FAILURE


def test_should_read_settings_of_a_command_line_and_name_what_is_none() -> None:
    assert parse_settings(["steps=3", "name=a=b"]) == {"steps": 3, "name": "a=b"}
    for text in ("steps", "=3"):
        with pytest.raises(BadRecipe, match=f"{text!r} is no setting; write NAME=VALUE"):
            parse_settings([text])


def test_should_keep_as_text_what_is_no_json() -> None:
    assert decode_hyperparameters(
        {"recipe": "vae", "rate": "1e-3", "flag": "true", "list": "[1]"}
    ) == {
        "recipe": "vae",
        "rate": 0.001,
        "flag": True,
        "list": [1],
    }
