from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.failures import CommandError
from cli.main import headrace
from cli.models.estimates import show_estimates
from cli.models.train import _show, _wait
from cli.output import Output
from infra.models.training import StageTraining
from models.sagemaker.cost import estimates
from models.sagemaker.fit import TargetFit
from models.sagemaker.job_requests import JobSpec
from models.training import recipe

OUTPUTS = {
    "DocumentsBucketName": "headrace-dev-documents-1-eu-west-1",
    "IngestMachineArn": "arn:aws:states:eu-west-1:000000000001:stateMachine:headrace-dev-ingest",
}
WISH = JobSpec("headrace-dev-vae-1", recipe.load("vae"), "tiny", "cpu")
ENDED = {
    "status": "SUCCEEDED",
    "output": json.dumps({"arn": "arn:1", "artefact": "s3://b/m", "metrics": {"fid": 5.0061}}),
}


def refused(tmp_path: Path, *given: str) -> tuple[int, str]:
    """Return the exit code and the text of the failure that the command must raise."""
    file = tmp_path / "cloud.json"
    file.write_text(json.dumps({"endpoint_url": "http://127.0.0.1:9", "outputs": OUTPUTS}))
    failed = CliRunner().invoke(headrace, ["train", *given, "--data-dir", str(tmp_path)]).exception
    assert isinstance(failed, CommandError)
    return failed.exit_code, str(failed)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["vae", "--set", "steps"], "'steps' is no setting; write NAME=VALUE"),
        (["vae", "--set", "stepz=3"], "stepz: unknown; the fields are steps"),
        (["vea"], "There is no recipe 'vea'; there are "),
        ([], "Name a RECIPE, or a training that runs by --follow NAME"),
        (["vae", "--follow", "headrace-dev-vae-1"], "a training that runs, so leave vae out"),
    ],
)
def test_should_name_what_is_wrong_before_anything_is_sent(
    tmp_path: Path, given: list[str], told: str
) -> None:
    code, text = refused(tmp_path, *given)
    assert code == 2
    assert told in text


@pytest.mark.parametrize(("name", "warned"), [("vae", False), ("diffusion_distilled", True)])
def test_should_say_what_is_known_to_be_missed_and_that_no_local_cloud_runs(
    tmp_path: Path, name: str, warned: bool
) -> None:
    told = CliRunner().invoke(headrace, ["train", name, "--data-dir", str(tmp_path)])
    assert isinstance(told.exception, CommandError)
    assert "no running local cloud's file" in str(told.exception)
    assert ("Warning: as shipped, it misses its gate on recall: one call" in told.output) == warned


def test_ctrl_c_should_end_the_waiting_and_say_how_to_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Interrupted(StageTraining):
        def __init__(self) -> None:
            pass

        def follow(self, *_: object) -> dict[str, str]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _wait(Output(), Interrupted(), "arn", "headrace-dev-vae-1")
    assert "headrace train --follow headrace-dev-vae-1" in capsys.readouterr().err


def test_should_show_numbers_beside_their_gates(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Output(), WISH, ENDED)
    said = capsys.readouterr().out
    assert "5.006" in said
    assert "at most 8" in said
    assert "Registered as arn:1, waiting for approval." in said


def test_should_say_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Output(as_json=True), WISH, ENDED)
    said = json.loads(capsys.readouterr().out)
    assert said["training"] == WISH.job_name
    assert said["metrics"] == {"fid": 5.0061}


def test_should_fail_with_the_reason_of_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError) as caught:
        _show(Output(), WISH, {"status": "FAILED", "cause": "BelowGate: fid is 9"})
    assert caught.value.exit_code == 1
    assert "BelowGate: fid is 9" in capsys.readouterr().err


def test_an_estimate_should_show_what_needs_more_than_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    costs = list(estimates(WISH.recipe))
    fits = [TargetFit("gpu", "ml.g5.xlarge", 30.04, 24, False, 0, 0.0)]
    show_estimates(Output(), costs, fits)
    said = " ".join(capsys.readouterr().out.split())
    assert "trn1-xla 1 x ml.trn1.2xlarge 2 more than 2.918 price not known here" in said
    assert "gpu 30.0 24 no none not known here" in said
    show_estimates(Output(as_json=True), costs, fits)
    rows = {each["target"]: each for each in json.loads(capsys.readouterr().out)}
    assert (rows["gpu"]["fit"]["has_gib"], rows["cpu"]["fit"]) == (24, None)
    assert rows["trn1-xla"]["least_usd"] == "2.917500"
